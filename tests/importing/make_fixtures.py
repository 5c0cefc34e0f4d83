"""Makes the MLflow stores that the tests import, with the MLflow that is installed where it runs.

    python tests/importing/make_fixtures.py tests/importing/stores

It needs `mlflow` (2 or 3), `scikit-learn`, `skops`, `onnx` and `onnxruntime`; the tests need none
of them. Each store becomes a zip without the paths and names of the machine that made it: its
artifacts are said to lie in /srv/old-place, where they are not.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sqlite3
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

OLD_PLACE = "/srv/old-place"
START = 1_750_000_000_000  # milliseconds


def plain_runs(client: Any, folder: Path) -> None:
    """Write runs with everything that a run may have."""
    churn = client.create_experiment("churn")
    spare = client.create_experiment("odd / name: 100 %")
    client.create_experiment("empty")

    parent = client.create_run(
        churn, start_time=START, run_name="search",
        tags={
            "mlflow.user": "trainer",
            "mlflow.source.name": "train.py",
            "mlflow.source.type": "LOCAL",
            "mlflow.source.git.commit": "6b1f0c0e7ddc2f4d1d6e3f2f4cf1c1b8f2a9d3e4",
            "mlflow.note.content": "The **first** search.",
            "odd key/with: signs-and.dots": "café \U0001f331",
            "db_password": "hunter2-and-more",
        },
    ).info.run_id  # fmt: skip
    client.log_param(parent, "strategy", "grid")
    client.log_param(parent, "empty", "")
    for number in range(3):
        child = client.create_run(
            churn, start_time=START + 1000 * number, run_name=f"trial {number}",
            tags={"mlflow.parentRunId": parent, "mlflow.user": "trainer"},
        ).info.run_id  # fmt: skip
        client.log_param(child, "depth", str(number + 2))
        for step in range(20):
            moment = START + 1000 * number + 10 * step
            client.log_metric(child, "loss", 1 / (step + number + 1), timestamp=moment, step=step)
        for step, value in enumerate((0.5, math.nan, math.inf, -math.inf, 0.25)):
            client.log_metric(child, "val/odd", value, timestamp=START + 5000, step=step * 10)
        (folder / "notes.txt").write_text(f"trial {number}\n")
        client.log_artifact(child, str(folder / "notes.txt"))
        client.log_artifact(child, str(folder / "notes.txt"), "plots/more")
        status = ("FINISHED", "FAILED", "KILLED")[number]
        client.set_terminated(child, status=status, end_time=START + 60_000 + 1000 * number)
    client.set_terminated(parent, end_time=START + 100_000)

    same = client.create_run(spare, start_time=START + 200_000, run_name="over at once").info.run_id
    client.set_terminated(same, end_time=START + 200_000)
    killed = client.create_run(churn, start_time=START + 300_000, run_name="killed").info.run_id
    client.log_metric(killed, "loss", 0.75, timestamp=START + 301_000, step=0)
    deleted = client.create_run(churn, start_time=START + 400_000, run_name="deleted").info.run_id
    client.set_terminated(deleted, end_time=START + 401_000)
    client.delete_run(deleted)


def with_data(client: Any) -> None:
    """Write a run that used data."""
    import mlflow
    from mlflow.entities import Dataset, DatasetInput, InputTag

    experiment = client.get_experiment_by_name("churn").experiment_id
    run = client.create_run(experiment, start_time=START + 500_000, run_name="with data")
    dataset = Dataset(
        name="customers", digest="1f2e3d4c", source_type="local",
        source='{"uri": "data/customers.csv"}',
    )  # fmt: skip
    tags = [InputTag("mlflow.data.context", "training")]
    client.log_inputs(run.info.run_id, [DatasetInput(dataset, tags)])
    client.set_terminated(run.info.run_id, end_time=START + 501_000)
    assert mlflow.__version__


def _log(flavor: Any, name: str, model: Any, **options: Any) -> None:
    """Log a model with what versions 2 and 3 call its place."""
    import mlflow

    place = "name" if mlflow.__version__ >= "3" else "artifact_path"
    flavor.log_model(model, **{place: name}, **options)


def _onnx_model() -> Any:
    import onnx
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    node = helper.make_node("Identity", ["x"], ["y"])
    shape: Any = ["rows", 2]
    graph = helper.make_graph(
        [node], "same", [value("x", TensorProto.FLOAT, shape)],
        [value("y", TensorProto.FLOAT, shape)],
    )  # fmt: skip
    made = helper.make_model(graph)
    onnx.checker.check_model(made)
    return made


def _rule() -> Any:
    """Return a model of a class of its own."""
    import mlflow

    class Rule(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context: Any, model_input: list[Any]) -> list[int]:  # noqa: ARG002
            return [0] * len(model_input)

    return Rule()


def with_models(client: Any) -> None:
    """Write models of several flavors, versions with gaps, aliases and stages."""
    import mlflow
    import mlflow.onnx
    import mlflow.sklearn
    import numpy as np
    import pandas as pd
    from mlflow.models import infer_signature
    from sklearn.linear_model import LogisticRegression

    table = pd.DataFrame({"age": [1.0, 2.0, 3.0, 4.0], "001": [0.0, 1.0, 0.0, 1.0]})
    labels = np.array([0, 0, 1, 1])
    fitted = LogisticRegression().fit(table, labels)
    signature = infer_signature(table, fitted.predict(table))
    pins = ["scikit-learn==1.5.0", "numpy==2.1.0"]
    newer = mlflow.__version__ >= "3"

    mlflow.set_experiment("churn")
    with mlflow.start_run(run_name="with models") as run:
        mlflow.log_metric("auc", 0.75)
        mlflow.log_param("C", "1.0")
        for name, form in (("model", "cloudpickle"), ("plain", "pickle")):
            _log(
                mlflow.sklearn, name, fitted, signature=signature, input_example=table[:2],
                pip_requirements=pins, serialization_format=form,
            )  # fmt: skip
        _log(mlflow.sklearn, "unsigned", fitted, pip_requirements=pins,
             serialization_format="cloudpickle")  # fmt: skip
        if newer:
            _log(mlflow.sklearn, "safe", fitted, signature=signature, pip_requirements=pins,
                 serialization_format="skops")  # fmt: skip

        place = "name" if newer else "artifact_path"
        mlflow.pyfunc.log_model(**{place: "rule"}, python_model=_rule(), pip_requirements=pins)
        tensors = infer_signature(np.zeros((2, 2), "float32"), np.zeros((2, 2), "float32"))
        _log(mlflow.onnx, "graph", _onnx_model(), signature=tensors, pip_requirements=pins,
             save_as_external_data=False)  # fmt: skip
    run_id = run.info.run_id
    for name, folder in [("churn", "model")] * 4 + [("churn", "rule"), ("my model", "unsigned")]:
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name, description=f"About {name}.")
        source = _source(client, run, folder, newer=newer)
        client.create_model_version(name, source, run_id, tags={"number": "1"},
                                    description="A version.")  # fmt: skip
    for name in ("graph", "safe"):  # version 2 wrote no skops: the files of this one are missing
        client.create_registered_model(name)
        client.create_model_version(name, _source(client, run, name, newer=newer), run_id)
    client.delete_model_version("churn", "2")
    client.set_registered_model_alias("churn", "champion", "3")
    client.set_registered_model_alias("churn", "challenger", "5")
    client.set_registered_model_tag("churn", "owner", "growth")
    if not newer:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            client.transition_model_version_stage("churn", "1", "Archived")
            client.transition_model_version_stage("churn", "4", "Production")


def _source(client: Any, run: Any, folder: str, *, newer: bool) -> str:
    if not newer:
        return f"{run.info.artifact_uri}/{folder}"
    asked = f"name = '{folder}'"
    found = client.search_logged_models([run.info.experiment_id], filter_string=asked)
    return f"models:/{found[0].model_id}"


def clean_database(path: Path, place: str) -> None:
    """Replace every text of the database that tells of this machine."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for _, column, kind, *_ in database.execute(f"PRAGMA table_info({table})").fetchall():
                if "CHAR" in kind.upper() or "TEXT" in kind.upper():
                    for old, new in replacements(place):
                        changed = f'SET "{column}" = replace("{column}", ?, ?)'
                        database.execute(f'UPDATE "{table}" {changed}', (old, new))
        database.commit()
        database.execute("VACUUM")


def replacements(place: str) -> list[tuple[str, str]]:
    """Return what is replaced: the folder of the store, the script that made it, and its clone."""
    script = Path(__file__).absolute()
    return [(place, OLD_PLACE), (str(script), "train.py"), (sys.argv[0], "train.py"),
            (str(script.parents[2]), "/srv/clone"), (sys.prefix, "/srv/python")]  # fmt: skip


def clean_files(folder: Path, place: str) -> None:
    """Replace every text of the files that tells of this machine."""
    for path in folder.rglob("*"):
        if path.name == "python_model.pkl":
            path.write_bytes(b"A pickle with the paths of the machine that made it.")
        elif path.is_file() and path.suffix not in {".db", ".pkl", ".skops", ".onnx"}:
            data = path.read_bytes()
            for old, new in replacements(place):
                data = data.replace(old.encode(), new.encode())
            path.write_bytes(data)


def pack(folder: Path, target: Path) -> None:
    """Write a folder as a zip, the same one for the same files."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                info = zipfile.ZipInfo(path.relative_to(folder).as_posix())
                info.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(info, path.read_bytes())
    print(target.name, target.stat().st_size)


def make(kind: str, target: Path) -> None:
    """Make one store, of kind `sqlite` or `files`, and pack it."""
    import mlflow

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "store"
        folder.mkdir()
        os.chdir(folder)
        uri = f"sqlite:///{folder}/mlflow.db" if kind == "sqlite" else f"file://{folder}/mlruns"
        mlflow.set_tracking_uri(uri)
        client = mlflow.MlflowClient()
        plain_runs(client, Path(name))
        with_data(client)
        with_models(client)
        os.chdir("/")
        clean_files(folder, str(folder))
        if kind == "sqlite":
            clean_database(folder / "mlflow.db", str(folder))
        shutil.rmtree(folder / "mlruns" / ".trash", ignore_errors=True)
        pack(folder, target / f"mlflow{mlflow.__version__.split('.')[0]}-{kind}.zip")


if __name__ == "__main__":
    os.environ.update(MLFLOW_ALLOW_FILE_STORE="true", LOGNAME="trainer", USER="trainer",
                      MLFLOW_DISABLE_TELEMETRY="true", GIT_PYTHON_REFRESH="quiet")  # fmt: skip
    for made in sys.argv[2:] or ("sqlite", "files"):
        make(made, Path(sys.argv[1]).absolute())
