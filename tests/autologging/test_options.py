"""The options: their effect, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

import lite_mlops as lm
from lite_mlops.autologging import Options, patching
from lite_mlops.errors import Invalid
from lite_mlops.project import Project
from tests.autologging.conftest import Logged, Table


def test_models_datasets_and_plots_can_be_left_out(
    switch: Any, logged: Logged, classes: Table
) -> None:
    switch(log_models=False, log_datasets=False, log_plots=False)
    LogisticRegression().fit(*classes)
    assert logged.paths() == []
    assert logged.project.datasets.used_by(logged.run().id, "training") is None


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("log_models", 1, "autolog: log_models is True or False; 1 is neither."),
        ("silent", "no", "autolog: silent is True or False; 'no' is neither."),
        ("disable", None, "autolog: disable is True or False; None is neither."),
        ("max_child_runs", -1, "autolog: max_child_runs is a whole number from 0; -1 is not."),
        ("max_child_runs", True, "autolog: max_child_runs is a whole number from 0; True is not."),
        ("budget_seconds", -1, "autolog: budget_seconds is a number of seconds from 0; -1 is not."),
        (
            "budget_seconds",
            float("nan"),
            "autolog: budget_seconds is a number of seconds from 0; nan is not.",
        ),
        ("registered_model_name", "", "autolog: registered_model_name is empty."),
        (
            "registered_model_name",
            3,
            "autolog: registered_model_name is a text; 3 is a int.",
        ),
        ("log_model", True, "autolog: there is no option 'log_model'. Did you mean 'log_models'"),
        ("zzz", 1, "autolog: there is no option 'zzz'. There are log_models, log_datasets,"),
    ],
)
def test_a_wrong_option_changes_nothing(switch: Any, option: str, value: Any, text: str) -> None:
    with pytest.raises(Invalid, match=re.escape(text)):
        switch(**{option: value})
    assert patching.seen_by() is None
    assert "__wrapped__" not in vars(LogisticRegression.predict)


@given(
    st.sampled_from(["log_models", "silent", "max_child_runs", "budget_seconds"]),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()),
)
def test_any_value_is_taken_or_refused_with_its_name(name: str, value: Any) -> None:
    try:
        options = Options(**{name: value})
    except Invalid as problem:
        assert name in str(problem)  # noqa: PT017
    else:
        assert getattr(options, name) == value
        assert options.seconds_for(1.0) >= 0.05


def test_a_long_fit_has_a_longer_budget() -> None:
    assert Options().seconds_for(2.0) == 1.0
    assert Options().seconds_for(100.0) == 5.0


def test_as_a_context_manager(switch: Any, project: Project, classes: Table) -> None:
    with switch(log_plots=False) as handle:
        assert handle.options == Options(log_plots=False)
        LogisticRegression().fit(*classes)
        with switch(disable=True):
            LogisticRegression().fit(*classes)
        LogisticRegression().fit(*classes)
    LogisticRegression().fit(*classes)
    assert len(Logged(project).runs()) == 2


def test_twice_is_as_once(switch: Any, project: Project, classes: Table) -> None:
    switch()
    switch()
    LogisticRegression().fit(*classes)
    assert len(Logged(project).runs()) == 1
    switch(disable=True)
    switch(disable=True)
    LogisticRegression().fit(*classes)
    assert len(Logged(project).runs()) == 1


def test_the_verb_acts_on_the_current_project(project: Project, classes: Table) -> None:
    lm.use_project(project)
    with lm.autolog() as handle:
        LogisticRegression().fit(*classes)
        assert repr(handle).startswith("<Autolog Options(log_models=True")
    assert Logged(project).run().experiment == "default"
