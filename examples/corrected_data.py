"""A data set that gets corrected: what changed, is it as expected, and is the split still fair?

    python examples/corrected_data.py [FOLDER]

A hospital delivers its patients every month. The delivery of June has mistakes; the check finds
them, the correction comes, and the difference says exactly what it touched.
"""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path
from typing import Any

import lite_mlops as lm

Rows = list[dict[str, Any]]


def patients(count: int, seed: int) -> Rows:
    """Return made-up patients; the risk of readmission grows with age and stay."""
    some = random.Random(seed)  # noqa: S311
    found = []
    for number in range(count):
        age, stay = some.randint(18, 90), some.randint(1, 14)
        risk = age / 90 + stay / 14 + some.gauss(0, 0.3)
        found.append(
            {
                "patient": number + 1000 * seed,
                "admitted": f"2026-{seed:02d}-{some.randint(1, 28):02d}",
                "ward": some.choice(["surgery", "medicine", "cardiology"]),
                "age": age,
                "days": stay,
                "readmitted": "yes" if risk > 1.2 else "no",
            }
        )
    return found


def write(rows: Rows, path: Path) -> Path:
    """Write rows as CSV and return the path."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def delivered(right: Rows) -> Rows:
    """Return the rows as they came: ages in months, a misspelled ward, one patient twice."""
    rows = [dict(row) for row in right]
    for row in rows[:25]:
        row["age"] *= 12
    rows[40]["ward"] = "cardiolgy"
    return [*rows, dict(rows[50])]


def main(folder: Path) -> None:
    """Tell the story in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    datasets = lm.use_project(folder).datasets
    may = write(patients(300, seed=5), folder / "may.csv")
    right = patients(300, seed=6)
    june = write(delivered(right), folder / "june.csv")

    print("What is expected, from the good delivery of May:")
    expected = datasets.expect("patients", datasets.infer(may), reason="the delivery of May")
    for column, words in expected.lines():
        print(f"  {column or '(table)'}: {words}")

    print("\nThe delivery of June:")
    for outcome in datasets.check(june, "patients").failed:
        print(f"  {outcome}")
    try:
        datasets.diff(june, may, key="patient")
    except lm.Invalid as error:  # rows can only be compared by a key that is one
        print(f"  {error}")

    print("\nThe correction, against what was delivered:")
    once = write(delivered(right)[:-1], folder / "june-once.csv")
    corrected = write(right, folder / "june-corrected.csv")
    change = datasets.diff(once, corrected, key="patient")
    print(f"  {change}")
    for row in change.changed[:2]:
        print(f"  {row}")
    print(f"  changed cells: {dict(change.cells)}")
    print(f"  {datasets.check(corrected, 'patients')}")

    print("\nTraining on May, testing on June:")
    fair = datasets.leakage(may, corrected, target="readmitted", time="admitted", key="patient")
    print(f"  {fair}")

    print("\nThe same with a column that somebody filled in afterwards:")
    for name, rows in (("may", patients(300, seed=5)), ("june", right)):
        later = [row | {"letter": "L7" if row["readmitted"] == "yes" else "L1"} for row in rows]
        write(later, folder / f"{name}-letters.csv")
    files = folder / "may-letters.csv", folder / "june-letters.csv"
    print(f"  {datasets.leakage(*files, target='readmitted', key='patient')}")
    lm.current_project().close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "corrected-data"))
