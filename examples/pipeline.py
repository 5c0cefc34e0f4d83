"""A pipeline in plain Python: only what changed is done again, and a sweep finds the best params.

python examples/pipeline.py [PROJECT-FOLDER]
"""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path

from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lite_mlops as lm

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "pipeline-project")
RAW = FOLDER / "machines.csv"
Rows = list[list[float]]


def write_raw(count: int) -> None:
    """Measure machines: how warm and how loud they are, and whether they broke down."""
    rng = random.Random(0)  # noqa: S311
    with RAW.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["warmth", "noise", "broke"])
        for _ in range(count):
            warmth, noise = rng.gauss(50, 10), rng.gauss(70, 5)
            broke = warmth / 10 + noise / 5 + rng.gauss(0, 0.5) > 19
            writer.writerow([round(warmth, 3), round(noise, 3), int(broke)])


@lm.step
def load(path: Path) -> Rows:
    """Read the file; a path that is passed counts by its content."""
    print("  load")
    with path.open() as file:
        next(file)
        return [[float(cell) for cell in row] for row in csv.reader(file)]


@lm.step
def split(rows: Rows, share: float) -> tuple[Rows, Rows]:
    """Hold some rows back."""
    print("  split")
    held_back = int(len(rows) * share)
    return rows[held_back:], rows[:held_back]


@lm.step(outputs=["report.txt"])
def train(training: Rows, test: Rows, alpha: float) -> float:
    """Fit a model, and log how good it is to the run of this step."""
    print("  train")
    model = make_pipeline(StandardScaler(), SGDClassifier(alpha=alpha, random_state=0))
    model.fit([row[:2] for row in training], [row[2] for row in training])
    guessed = model.predict([row[:2] for row in test])
    right = float(accuracy_score([row[2] for row in test], guessed))
    lm.log_metric("accuracy", right)
    Path("report.txt").write_text(f"alpha {alpha}: {right:.3f}\n")
    return right


@lm.pipeline
def machines(path: Path, share: float = 0.25, alpha: float = 0.1) -> float:
    """Lay the steps out; what runs is decided when it is called."""
    training, test = split(load(path), share)
    return train(training, test, alpha)


def main() -> None:
    """Run the pipeline again and again, each time with another thing changed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    project = lm.use_project(FOLDER)
    write_raw(400)

    print("the first time everything runs:")
    print(f"  accuracy {machines(RAW):.2f}")
    print("nothing changed:")
    print(f"  accuracy {machines(RAW):.2f}")
    print("another param:")
    machines(RAW, alpha=0.01)

    print("a lost output comes back:")
    Path("report.txt").unlink()
    machines(RAW)
    print(f"  {Path('report.txt').read_text().strip()}")

    write_raw(600)
    print("why would it run?")
    for one in machines.status({"path": RAW}):
        print(f"  {one.step}: {one.state}; {'; '.join(one.reasons)}")

    # Each trial is a run; the same sweep that is started again goes on where it was.
    found = lm.sweep(
        lambda alpha, share: machines(RAW, share, alpha),
        {"alpha": "1e-4..1 log", "share": [0.25]},
        trials=6,
        metric="accuracy",
        name="alpha",
    )
    assert found.best is not None
    print(f"best of {len(found.trials)}: {found.best.value:.2f}")
    steps = project.sql("SELECT count(*) FROM tags WHERE key = 'step' AND value = 'train'")
    print(f"train ran {steps.rows[0][0]} times")


if __name__ == "__main__":
    main()
