"""The examples run as they stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
EXPECTED = {
    "weekly_tastes": [
        "Untouched, 0 of 3 windows of 700 rows raise something. With minutes moved by 0.5",
        "week 2: nothing new",
        "last_genre opened (alert)",
        "(prediction) opened (alert)",
        "firing now: (prediction), last_genre, minutes",
        "against the first week: 2 of 3 columns have drifted.",
        "Together they have (AUC 0.",
        "last_genre: importance 0.5",
        "recommended: (prediction): shortc ",
        "served: 700 requests; half took up to 0.",
        "latency none, traffic as usual",
    ],
    "vehicle_sensor": [
        "an ordinary day: nothing new",
        "the sensor is stuck: opened ",
        "alert: temperature: stuck at 231.5 for 200 rows, 2 at most before.",
        "cleared quality of temperature",
        "day 1: nothing new",
        "day 2: opened drift of temperature",
        "brakes: 1 of 4 findings fire",
        "by its mean in minute 840: other since minute 504",
        "by its shape in minute 1,140: other since minute 500",
    ],
    "canary": [
        "rolled back: offer/2 is worse than offer/1 beyond chance: of its ",
        "compared with the champion: ",
        "champion: offer/3",
        "        promoted   3",
    ],
    "closed_loop": [
        "live: churn/1",
        "live: churn/2",
        "stopped: refused by the gate",
        "stopped: rolled back",
        "requests: all answered",
        "               trying  churn/2 gets 10 % of the requests.",
        "  refused by the gate  churn/3 did not pass its gate: accuracy not worse",
        "          rolled back  churn/4 is worse than churn/2 beyond chance: of its requests",
        "('promoted', 2)",
    ],
    "corrected_data": [
        "ward: expected one of 'cardiology', 'medicine', 'surgery', found 1 row of 301 that are",
        "age: expected 0 to 108, found 25 rows of 301 that are not (row 1: 336",
        "0 rows added, 0 removed, 26 changed",
        "patient 6000: age 336 -> 28",
        "All 18 expectations met by 300 rows.",
        "No leak found by 5 checks.",
        "The feature 'letter' alone tells 'readmitted'",
    ],
    "autolog_script": [
        "RandomForestClassifier   accuracy_score_X_test",
        "RandomForestClassifier   roc_auc_score_X_test",
        "model/model.joblib",
    ],
    "gate": [
        "first: it needs one approval by others than ann, who registered it or moves the alias",
        "failed       demographic parity by sex: groups of 'sex' differ in demographic parity by ",
        "refused: scoring/2 was not made scoring@champion: its gate said 'failed' (",
        "scoring/3 for scoring@champion against scoring/1: passed, 8 of 8 checks passed.",
        "still missing: it needs one approval by others than ann",
        "champion: scoring/3\noverridden: [{'version': 1, 'actor': 'ann', 'reason': 'nothing is",
        "champion: scoring/1",
    ],
    "grid_search": ["200 fits, 20 runs below GridSearchCV"],
    "healthcare_diagnosis": ["champion: breast-cancer/2", "drifted now: mean radius, mean texture"],
    "late_labels": [
        "  1,600 of 1,600 labels recorded.",
        "  week 4: 400 of 400 labels, accuracy 0.79",
        "  week 5: 0 of 400 labels, no labels yet\n",
        "  fired: nothing\nafter the second month",
        "  week 5: 400 of 400 labels, accuracy 0.66",
        "against 0.827 (0.807 to 0.845) in the evaluation 'test' of its run, 1,500 rows: worse by",
        "in 4 windows in a row since",
        "  fired: accuracy, calibration",
        "corrected labels on record: 1",
    ],
    "model_registry": [
        "1 answered differently (1.4%)",
        "verdict: no difference that the data can tell: accuracy 1 against 0.9861",
        "champion: version 1, was 2",
        "found: ['grader/2', 'grader/1']",
        "refused: row 0: alcohol is 'strong'; expected a number",
        "kept: grader/1 is @champion, @linear",
        "# Model card: grader/1",
    ],
    "serving": [
        "prediction: leaves quality: ok",
        "doubtful: age 141 expected 18 to 89",
        "doubtful: plan gold expected basic, pro",
        "most of it: orders by exact linear",
        "right so far: 1",
        "answers now: 2",
        "addresses on record: 1 pseudonym of 32 digits",
        "embedded: leaves",
    ],
    "parameter_search": ["16 runs below search"],
    "pipeline": [
        "the first time everything runs:\n  load\n  split\n  train\n  accuracy 0.",
        "nothing changed:\n  accuracy 0.",
        "another param:\n  train\na lost output comes back:\n  alpha 0.1: 0.",
        "  load: run; input project/machines.csv changed",
        "  split: waits; load would run",
        "best of 6: 0.",
        "train ran 8 times",
    ],
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_says_what_it_should(path: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(path), str(tmp_path / "project")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for text in EXPECTED[path.stem]:
        assert text in done.stdout
