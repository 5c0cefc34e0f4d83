"""The examples run as they stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
EXPECTED = {
    "canary": [
        "rolled back: offer/2 is worse than offer/1 beyond chance: of its ",
        "compared with the champion: ",
        "champion: offer/3",
        "        promoted   3",
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
