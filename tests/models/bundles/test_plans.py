"""Plans in bundles: they answer for the model file beside them, and for no other."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lite_mlops.errors import Damaged
from lite_mlops.models import Bundle
from lite_mlops.models.bundles import NoBundle
from lite_mlops.project import Project
from lite_mlops.serving import open_bundle
from tests.models.bundles.conftest import LABELS, ROWS
from tests.models.bundles.zips import Part, parts_of, retold, zipped

Warnings = Callable[[], list[str]]
ROOT = Path(__file__).parents[3]
PLAN = "a plan, as the model would bit for bit"

# In a process of its own: answer from a bundle, and print which packages that took.
ANSWERS = """
import json, sys
from pathlib import Path
from lite_mlops.serving import open_bundle
endpoint = open_bundle(Path(sys.argv[1])).served.default
answers = endpoint.predict([[2.0, 0.5], [-2.0, 0.5]]).predictions()
heavy = [name for name in ("sklearn", "scipy", "joblib", "pandas") if name in sys.modules]
print(json.dumps([answers, heavy]))
"""


def changed(parts: list[Part], name: str, data: bytes, **about: Any) -> bytes:
    """The bundle with another member, of which the manifest has the hash."""
    told = {f"{about.pop('of')}__sha256": hashlib.sha256(data).hexdigest()} | about
    told |= {key.replace("sha256", "size"): len(data) for key in told if key.endswith("sha256")}
    made = [replace(one, data=data) if one.name == name else one for one in parts]
    return zipped(retold(made, **told))


def said(path: Path) -> tuple[str, list[Any]]:
    endpoint = open_bundle(path).served.default
    return endpoint.current.path, endpoint.predict([[2.0, 0.5], [-2.0, 0.5]]).predictions()


def test_a_bundle_is_answered_from_its_plan_without_scikit_learn(
    bundle: Path, tmp_path: Path
) -> None:
    assert [one.name for one in parts_of(bundle)][-1] == "plan.bin"
    assert said(bundle) == (PLAN, ["yes", "no"])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ANSWERS, bundle],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["yes", "no"], []]


def test_the_model_is_there_if_it_is_needed(bundle: Path) -> None:
    asking = open_bundle(bundle).served.default.current.asking
    assert isinstance(asking.model, LogisticRegression)
    other = open_bundle(bundle).served.default.current.asking
    bundle.write_bytes(zipped(retold(parts_of(bundle), actor="somebody else")))
    with pytest.raises(Damaged, match=r"churn\.lmz is another bundle by now"):
        other.model  # noqa: B018


def test_another_model_is_not_answered_from_the_plan(bundle: Path, warnings_of: Warnings) -> None:
    turned = LogisticRegression().fit(ROWS, np.where(LABELS == "yes", "no", "yes"))
    file = io.BytesIO()
    joblib.dump(turned, file)
    parts = [one for one in parts_of(bundle) if one.name != "input_example.json"]
    bundle.write_bytes(changed(parts, "model.joblib", file.getvalue(), of="file", example=None))
    assert said(bundle) == ("the model itself", ["no", "yes"])
    assert "its plan was made of another file" in warnings_of()[-1]


def test_a_plan_that_cannot_be_used_is_told(bundle: Path, warnings_of: Warnings) -> None:
    parts = parts_of(bundle)
    bundle.write_bytes(changed(parts, "plan.bin", parts[-1].data[:-1], of="plan"))
    assert said(bundle) == ("the model itself", ["yes", "no"])
    assert "This plan of a model cannot be used: it is cut off." in warnings_of()[-1]


def test_a_plan_that_is_not_the_one_of_the_manifest_is_refused(bundle: Path) -> None:
    *parts, plan = parts_of(bundle)
    bundle.write_bytes(zipped([*parts, replace(plan, data=plan.data[:-1] + b"?")]))
    with pytest.raises(Damaged, match=r"plan\.bin are not those of which its manifest has"):
        open_bundle(bundle)
    bundle.write_bytes(zipped(retold([*parts, plan], plan__exact="nearly")))
    with pytest.raises(NoBundle, match=r"plan\.exact is 'nearly'"):
        open_bundle(bundle)


def test_it_is_imported_with_its_plan(bundle: Path, other: Project, tmp_path: Path) -> None:
    version = other.models.import_bundle(bundle)
    kept = other.models.plan(version.name)
    assert (kept.used, kept.exact, kept.model_sha256) == (True, "bits", version.sha256)
    assert other.endpoint(version.name).current.path == PLAN
    (tmp_path / "third").mkdir()
    third = Project(tmp_path / "third", lower=False, capture_environment=False)
    third.models.import_bundle(bundle)
    assert not third.models.plan("churn").used
    third.close()


def test_without_its_plan_a_version_is_exported_all_the_same(
    project: Project, bundle: Path, tmp_path: Path
) -> None:
    project.models.switch_lowering("churn/1", on=False)
    assert project.models.export("churn", tmp_path / "off.lmz").plan is None
    project.models.switch_lowering("churn/1", on=True)
    plan = project.models.plan("churn").plan
    assert plan is not None
    project.store.objects.path(plan).unlink()
    path = tmp_path / "without.lmz"
    assert project.models.export("churn", path).plan is None
    with Bundle.open_file(path) as opened:
        assert opened.manifest.plan is None
    assert said(path)[0] == "the model itself"
