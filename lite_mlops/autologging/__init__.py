"""Autologging: every `fit` of scikit-learn becomes a run, without a changed line.

    lm.autolog()
    RandomForestClassifier().fit(features, labels)  # a run: params, metrics, data, model, plots

- Only the outermost fit is logged. Members, clones and folds are not, nor is a cross-validation
  (`cross_val_score` and its like), nor anything in worker processes of joblib.
- A fit joins the active run. There the first model has plain names; what only transforms, and each
  further model, has its class before its names: `StandardScaler.with_mean`, `SVC-2.C`.
- A parameter search is one run with the table of its candidates; the best have runs below it.
- Later scores and metrics of predictions go to the run of the model, named after the variable
  that held the data: `score_X_test`, `accuracy_score_X_test`, `f1_score_macro_X_test`.
- Each `partial_fit` is a step of one run: rows seen, loss, metrics of the piece.
- After a fit, logging takes `budget_seconds` or 5 % of the fit, whichever is longer; what does not
  fit in is left out, and one line says so. Training metrics and plots rest on as many rows as the
  model answers in little time, and say on how many; `all_rows` takes more. Files are written in the
  background; whoever reads the project in this process sees them, and its end waits for each of
  them, no longer than that time. Whatever fails in logging, the fit does not.
"""

from lite_mlops.autologging.options import Options
from lite_mlops.autologging.optuna import optuna_callback
from lite_mlops.autologging.pictures import plot_svg
from lite_mlops.autologging.switch import Autolog, autolog

__all__ = ["Autolog", "Options", "autolog", "optuna_callback", "plot_svg"]
