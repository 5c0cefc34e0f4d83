"""Plans of versions: made at registration, used by who serves, never for another model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

from lite_mlops.errors import Conflict, Damaged, Invalid
from lite_mlops.models import Asking, ModelVersion, open_asking
from lite_mlops.models.lowering import keeping
from lite_mlops.models.lowering.asking import FewThreads, PlanAsking
from lite_mlops.project import Project
from lite_mlops.store.cleaning import clean
from lite_mlops.store.events import VersionLowered
from tests.models.lowering.configurations import fitted, numbers

Warnings = Callable[[], list[str]]


def registered(project: Project, name: str = "forest", **options: Any) -> ModelVersion:
    model, data = fitted(name)
    return project.models.register(
        model, "m", input_example=data.rows[:3], training=data.rows, **options
    )


def asking_of(project: Project, version: ModelVersion) -> Any:
    return open_asking(project.store, version, project.models.plan_of(version))


def test_a_registered_model_has_a_plan_that_answers(project: Project) -> None:
    version = registered(project)
    kept = project.models.plan("m/1")
    assert (kept.used, kept.exact, kept.why) == (True, "bits", None)
    assert kept.model_sha256 == version.sha256
    asking = asking_of(project, version)
    assert isinstance(asking, PlanAsking)
    assert asking.path == "a plan, as the model would bit for bit"
    model, data = fitted("forest")
    answers = asking.ask(data.rows[:50])
    assert answers.predicted.tolist() == model.predict(data.rows[:50]).tolist()
    assert answers.probabilities is not None
    assert answers.probabilities.tolist() == model.predict_proba(data.rows[:50]).tolist()
    assert asking._original is None
    assert isinstance(asking.model, RandomForestClassifier)


def test_an_endpoint_answers_and_explains(project: Project) -> None:
    registered(project, "standard scaler")
    endpoint = project.endpoint("m/1")
    rows = numbers().rows[:4]
    assert endpoint.current.path.startswith("a plan")
    expected = fitted("standard scaler")[0].predict(rows).tolist()
    assert endpoint.predict(rows).predictions() == expected
    explained = endpoint.current.explain(rows)
    assert len(explained.explanations) == 4


def test_what_cannot_be_lowered_is_told(project: Project) -> None:
    data = numbers()
    model = KNeighborsClassifier().fit(data.rows, data.three)
    version = project.models.register(model, "m", training=data.rows)
    kept = project.models.plan("m")
    assert kept.plan is None
    why = "it keeps its training rows and looks among them for each answer"
    assert str(kept) == f"the model itself (KNeighborsClassifier: {why})"
    assert [tuple(one) for one in project.models.parts("m")] == [("KNeighborsClassifier", why)]
    asking = asking_of(project, version)
    assert not isinstance(asking, PlanAsking)
    assert asking.path == str(kept)


def test_the_setting_leaves_it_to_the_command(tmp_path: Path) -> None:
    project = Project(tmp_path / "work", lower=False, capture_environment=False)
    registered(project)
    kept = project.models.plan("m/1")
    assert kept.why == "not tried yet; `lite-mlops models lower m/1` does"
    assert project.models.lower("m/1").used
    assert project.models.plan("m/1").used
    project.close()


def test_it_can_be_switched_off_and_on(project: Project) -> None:
    version = registered(project)
    with pytest.raises(Conflict, match="The plan of m/1 is switched on already"):
        project.models.switch_lowering("m/1", on=True)
    kept = project.models.switch_lowering("m/1", on=False, reason="a doubt")
    assert kept.why == "switched off; `lite-mlops models lower m/1 --on` undoes it"
    assert not isinstance(asking_of(project, version), PlanAsking)
    assert project.models.switch_lowering("m/1", on=True).used
    found = project.sql("SELECT count(*) FROM decisions WHERE kind = 'lowering_switched'")
    assert found.rows[0][0] == 2


def test_what_fails_does_not_fail_the_registration(
    project: Project, monkeypatch: pytest.MonkeyPatch, warnings_of: Warnings
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(keeping, "attempt", fail)
    assert registered(project).name == "m/1"
    assert project.models.plan("m/1").why == "it cannot be examined: RuntimeError"
    assert "RuntimeError('broken')" in warnings_of()[-1]


def test_a_model_that_was_altered_is_not_answered_from_its_plan(project: Project) -> None:
    version = registered(project)
    path = project.store.objects.path(version.sha256)
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    with pytest.raises(Damaged, match="The file of model version m/1 is damaged"):
        asking_of(project, version)
    path.unlink()
    with pytest.raises(Damaged, match="missing"):
        asking_of(project, version)


def test_a_plan_of_another_model_is_not_used(project: Project, warnings_of: Warnings) -> None:
    first = registered(project)
    data = numbers()
    other = LogisticRegression().fit(data.rows, data.two)
    second = project.models.register(other, "m", training=data.rows)
    plan = project.models.plan("m/1").plan
    about = {"model": "m", "version": 2, "plan": plan, "exact": "bits"}
    project.store.append(VersionLowered(sha256=first.sha256, **about))  # type: ignore[arg-type]
    kept = project.models.plan("m/2")
    assert (kept.used, kept.why) == (False, "its plan was made of another file")
    project.store.append(VersionLowered(sha256=second.sha256, **about))  # type: ignore[arg-type]
    assert project.models.plan("m/2").used  # as somebody would have it who writes journals
    asking = asking_of(project, second)
    assert not isinstance(asking, PlanAsking)
    assert "its plan was made of another file" in asking.path
    assert "m/2 is answered by the model itself" in warnings_of()[-1]


def test_without_its_plan_the_model_itself_answers(project: Project, warnings_of: Warnings) -> None:
    version = registered(project)
    kept = project.models.plan("m/1")
    assert kept.plan is not None
    project.store.objects.path(kept.plan).unlink()
    asking = asking_of(project, version)
    assert not isinstance(asking, PlanAsking)
    assert "The file of the plan of m/1 is missing" in warnings_of()[-1]
    assert asking.ask(numbers().rows[:2]).predicted.shape == (2,)


def test_a_project_that_needs_signatures_uses_no_plan(project: Project, tmp_path: Path) -> None:
    registered(project)
    project.close()
    other = Project(tmp_path / "work", signed_by=["ed25519:x"])
    why = other.models.plan("m/1").why
    assert why is not None
    assert why.startswith("this project needs signatures")
    other.close()


def test_cleaning_keeps_plans_until_their_version_is_removed(project: Project) -> None:
    registered(project)
    plan = project.models.plan("m/1").plan
    assert plan is not None
    clean(project.store, grace_seconds=-1)
    assert project.store.objects.is_good(plan)
    project.models.remove("m/1")
    clean(project.store, grace_seconds=-1)
    assert project.store.objects.is_good(plan) is None


def test_many_rows_are_answered_by_the_model_once_it_is_loaded(project: Project) -> None:
    version = registered(project)
    opened = threading.Event()
    model, data = fitted("forest")

    def open_model() -> Asking:
        opened.set()
        return Asking(model, version.signature)

    running = asking_of(project, version).running
    asking = PlanAsking(running, version.signature, open_model, faster_from=100)
    few, many = version.signature.validate(data.rows[:99]), version.signature.validate(data.rows)
    asking.ask_checked(few)
    assert not opened.is_set()
    before = asking.ask_checked(many)
    assert opened.wait(10)
    assert asking.model is model
    after = asking.ask_checked(many)
    assert before.predicted.tolist() == after.predicted.tolist()
    with pytest.raises(Invalid, match="cannot answer these rows"):
        asking.ask_checked(version.signature.validate(np.full((1, 5), 1e300)))


def test_a_model_without_plan_is_served_with_one_thread(project: Project) -> None:
    data = numbers()
    model = RandomForestClassifier(3, n_jobs=2).fit(data.rows, np.stack([data.two] * 2, axis=1))
    version = project.models.register(model, "m", training=data.rows)
    assert project.models.plan("m").why == "RandomForestClassifier: it has several outputs"
    assert asking_of(project, version).model.n_jobs == 1
    assert project.models.load("m").n_jobs == 2


def test_a_model_with_threads_of_openmp_gets_one_for_few_rows(project: Project) -> None:
    version = registered(project, "histograms")
    project.models.switch_lowering("m/1", on=False)
    asking = asking_of(project, version)
    counts = []
    inner = asking.model.predict_proba

    def predict_proba(rows: Any) -> Any:
        used = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "openmp"]
        counts.append(max(used))
        return inner(rows)

    asking.model.predict_proba = predict_proba
    rows = numbers().rows
    assert len(asking.ask(rows[:3]).predicted) == 3
    asking.ask(np.repeat(rows, 10, axis=0))
    with threadpool_limits(None):
        usual = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "openmp"]
    assert counts == [1, max(usual)]


def test_threads_of_a_model_inside_others_are_one_as_well(project: Project) -> None:
    data = numbers()
    inner = make_pipeline(
        ColumnTransformer([("a", StandardScaler(), [0, 1, 2])], n_jobs=2),
        VotingClassifier(
            [
                ("trees", RandomForestClassifier(3, n_jobs=-1)),
                ("steps", HistGradientBoostingClassifier(max_iter=2)),
                ("near", KNeighborsClassifier(3, n_jobs=2)),
            ],
            n_jobs=2,
        ),
    )
    version = project.models.register(inner.fit(data.rows, data.two), "m", training=data.rows)
    assert not project.models.plan("m").used
    asking = asking_of(project, version)
    assert isinstance(asking, FewThreads)
    columns, voting = (step for _, step in asking.model.steps)
    assert [columns.n_jobs, voting.n_jobs] == [1, 1]
    trees, _, near = voting.estimators_
    assert [trees.n_jobs, near.n_jobs] == [1, 1]
    counts = []
    boosted = voting.estimators_[1]
    predict = boosted.predict

    def watched(rows: Any) -> Any:
        used = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "openmp"]
        counts.append(max(used))
        return predict(rows)

    boosted.predict = watched
    assert asking.ask(data.rows[:5]).predicted.tolist() == inner.predict(data.rows[:5]).tolist()
    assert counts == [1]


@pytest.mark.slow
def test_answering_from_a_plan_does_not_load_scikit_learn(project: Project, tmp_path: Path) -> None:
    registered(project, "sparse one-hot")
    project.close()
    code = (
        "import sys, json\n"
        "from lite_mlops import Project\n"
        f"project = Project({str(tmp_path / 'work')!r})\n"
        "predictor = project.predictor('m/1')\n"
        "rows = [{'age': 41, 'income': None, 'city': 'Rome', 'plan': None, 'active': True, "
        "'grade': 2}]\n"
        "answers = predictor.predict(rows)\n"
        "heavy = [name for name in ('sklearn', 'scipy', 'joblib', 'pandas')"
        " if name in sys.modules]\n"
        "print(json.dumps([answers[0].prediction, heavy]))\n"
        "predictor.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    answer, heavy = json.loads(done.stdout)
    assert answer in (True, False)
    assert heavy == []


def test_a_nearest_centroid_says_why_it_has_no_plan(project: Project) -> None:
    data = numbers()
    model = NearestCentroid().fit(data.rows, data.three)
    version = project.models.register(model, "m", training=data.rows)
    (found,) = project.models.parts(version.name)
    assert found[0] == "NearestCentroid"
    assert found.why is not None
    assert "is rounded in another way than NumPy can" in found.why
    assert found.why in str(project.models.plan(version.name).why)
