"""The whole story, as a first user meets it: `lite-mlops demo`, and every command it names."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from datetime import UTC
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from lite_mlops.demo import DATASET, SEED, SHIFTED
from lite_mlops.project import Project
from lite_mlops.settings import PREFIX

COMMAND = (sys.executable, "-W", "error", "-m", "lite_mlops")


def run(*arguments: str, folder: Path, code: int = 0) -> str:
    """Run the command in a folder, as without any settings, and return what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    done = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (code, "")
    return done.stdout


def hash_of_training_data() -> str:
    """The hash by its definition: of each column its name, kind, length and values."""
    data = load_breast_cancer()
    train, _ = train_test_split(
        data.data, test_size=0.35, stratify=data.target_names[data.target], random_state=SEED
    )
    nothing = hashlib.sha256().digest()  # no texts, and nothing is missing
    columns = []
    for name, column in zip(data.feature_names, train.T, strict=True):
        head = json.dumps([str(name), "float", len(column)]).encode()
        values = hashlib.sha256(np.ascontiguousarray(column, "<f8").tobytes()).digest()
        parts = b"\n".join([head, values, nothing, nothing])
        columns.append(hashlib.sha256(parts).digest())
    return hashlib.sha256(b"table 1\n" + b"".join(columns)).hexdigest()


def test_the_story_holds_in_every_detail(tmp_path: Path) -> None:
    told = run("demo", "story", folder=tmp_path)
    folder = tmp_path / "story"
    project = Project(folder)

    # Data and training.
    (dataset,) = project.sql("SELECT name, sha256, row_count, column_count FROM datasets").rows
    assert dataset == (DATASET, hash_of_training_data(), 369, 30)
    assert f"SHA-256 {dataset[1]}\n" in told
    runs = {one.name: one for one in project.runs.page(experiment="diagnosis")}
    assert set(runs) == {"logistic regression", "random forest"}
    for name, one in runs.items():
        assert (one.status, one.metrics["fold_auc"].points) == ("finished", 5)
        assert one.params == {"model": name, "seed": "7", "folds": "5", "features": "30"}
        assert f"      {name}: AUC {one.metrics['auc'].value:.4f}, registered as " in told

    # Registry.
    newer, older = project.models.all()
    assert [version.name for version in (older, newer)] == ["breast-cancer/1", "breast-cancer/2"]
    assert {older.run_id, newer.run_id} == {one.id for one in runs.values()}
    (move,) = project.models.history("breast-cancer")
    champion = project.models.get("breast-cancer@champion")
    better, worse = sorted((version.metrics["auc"] for version in (older, newer)), reverse=True)
    assert champion.metrics["auc"] == better
    assert move.reason == f"cross-validated AUC {better:.4f} against {worse:.4f}"
    assert f"{champion.name} is @champion: {move.reason}\n" in told

    # Serving and feedback.
    ((predictions, versions, labels),) = project.sql(
        "SELECT count(*), list(DISTINCT p.version), count(f.label) "
        "FROM predictions p LEFT JOIN feedback f USING (prediction_id)"
    ).rows
    assert (predictions, versions, labels) == (200, [champion.version], 100)
    performance = project.monitoring.performance("breast-cancer@champion")
    assert (performance.predictions, performance.labelled) == (200, 100)
    assert performance.accuracy is not None
    assert performance.accuracy > 0.85
    right = f"{performance.right} of 100 were right: accuracy {performance.accuracy:.3f}\n"
    assert right in told

    # Monitoring.
    before, after = re.findall(r"^ +(\d+) of 30 features have drifted$", told, re.MULTILINE)
    assert (before, after) == ("0", "2")
    drifted = re.findall(r"^ +(\S.*?) +\d\.\d+  drifted *$", told, re.MULTILINE)
    assert set(drifted) == set(SHIFTED)
    moments = [moment for (moment,) in project.sql("SELECT ts FROM predictions ORDER BY ts").rows]
    drift = project.monitoring.drift(
        "breast-cancer@champion", since=moments[100].replace(tzinfo=UTC)
    )
    assert {one.column for one in drift.moved} == set(SHIFTED)
    assert project.examine() == []
    project.close()

    # What it leaves to be looked at.
    assert f"Everything lies in {folder / '.lite-mlops'}\n" in told
    first, *lines = told.partition("Look at each thing:\n")[2].splitlines()
    assert first == "    cd story"
    commands = [shlex.split(line, comments=True) for line in lines]
    assert [words[:2] for words in commands] == [
        ["lite-mlops", "runs"],
        ["lite-mlops", "models"],
        ["lite-mlops", "sql"],
        ["lite-mlops", "drift"],
        ["lite-mlops", "serve"],
    ]
    codes = {"drift": 4}  # it found some
    answers = [
        run(*words[1:], folder=folder, code=codes.get(words[1], 0)) for words in commands[:-1]
    ]
    assert all(name in answers[0] for name in runs)
    assert move.reason in answers[1]
    counted = re.findall(r"^(benign|malignant) +(\d+) *$", answers[2], re.MULTILINE)
    assert sum(int(count) for _, count in counted) == 200
    assert len(re.findall(r"^.* (?:drifted|stable) +\d", answers[3], re.MULTILINE)) == 30
    assert not (tmp_path / ".lite-mlops").exists()
