"""Autologging: every `fit` of scikit-learn becomes a run, without a changed line.

lm.autolog()
RandomForestClassifier().fit(features, labels)      # a run: params, metrics, data, model, plots
"""

from lite_mlops.autologging.drawing import plot_svg
from lite_mlops.autologging.options import Options
from lite_mlops.autologging.optuna import optuna_callback
from lite_mlops.autologging.switch import Autolog, autolog

__all__ = ["Autolog", "Options", "autolog", "optuna_callback", "plot_svg"]
