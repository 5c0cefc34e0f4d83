"""A clinic's model with twelve days of answers: on the eighth a device begins to read too much."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lite_mlops.project import Project
from lite_mlops.store import new_id
from lite_mlops.store.events import Predictions

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS, A_DAY = 12, 240
BROKEN = 7  # the first day on which the device reads three times as much
_DAY_US = 86_400_000_000
NUMBERS = ("age", "crp", "heart_rate")
TEXTS = ("ward", "sex")


def patients(
    chance: np.random.Generator, rows: int, extra: int = 0
) -> tuple[pd.DataFrame, np.ndarray]:
    """Patients, with further columns of noise, and whether they came back."""
    frame = pd.DataFrame(
        {
            "age": chance.normal(62, 14, rows).clip(18, 99).round(),
            "crp": chance.lognormal(2.5, 0.8, rows).round(1),
            "heart_rate": chance.normal(78, 12, rows).round(),
            "ward": chance.choice(["cardiology", "medicine", "surgery"], rows, p=[0.5, 0.3, 0.2]),
            "sex": chance.choice(["f", "m"], rows),
            **{f"lab {place:02}": chance.normal(size=rows) for place in range(extra)},
        }
    )
    risk = (frame["age"] - 62) / 8 + (np.log(frame["crp"]) - 2.5) * 2.5 - 0.5
    return frame, np.where(chance.random(rows) < 1 / (1 + np.exp(-risk)), "back", "home")


def train(project: Project, chance: np.random.Generator, extra: int = 0) -> object:
    """Register the model with its data and its evaluation."""
    frame, back = patients(chance, 2_000, extra)
    held, truth = patients(chance, 1_200, extra)
    numbers = [name for name in frame if name not in TEXTS]
    steps = make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(), list(TEXTS)))
    model = make_pipeline(steps, LogisticRegression()).fit(frame, back)
    with project.start_run("logistic") as run:
        project.log_dataset(frame, "admissions")
        scores = model.predict_proba(held)[:, 1]
        run.log_evaluation(truth, model.predict(held), y_score=scores)
        project.log_model(
            model, "readmission", input_example=frame.head(20), training=frame, alias="champion"
        )
    return model


def ask(
    project: Project, model: object, chance: np.random.Generator, extra: int = 0
) -> tuple[list[list[str]], list[np.ndarray]]:
    """Record answers of twelve days, and return their ids and what was true, day by day."""
    ids, truths = [], []
    for day in range(DAYS):
        frame, back = patients(chance, A_DAY, extra)
        if day >= BROKEN:
            frame["crp"] *= 3
            frame.loc[chance.random(A_DAY) < 0.08, "heart_rate"] = np.nan
            frame.loc[chance.random(A_DAY) < 0.1, "ward"] = "hospice"
        known = frame["ward"].replace("hospice", "surgery")
        shown = frame.assign(heart_rate=frame["heart_rate"].fillna(78), ward=known)
        shares = model.predict_proba(shown)  # type: ignore[attr-defined]
        answers = model.classes_[shares.argmax(axis=1)]  # type: ignore[attr-defined]
        times = np.sort(chance.integers(0, _DAY_US, A_DAY)) + day * _DAY_US
        ids.append([new_id() for _ in range(A_DAY)])
        rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
        text = [name in TEXTS for name in frame]
        project.store.append(
            Predictions(
                model="readmission",
                version=1,
                ids=ids[-1],
                times=(int(START.timestamp()) * 1_000_000 + times).tolist(),
                inputs=[
                    [None if is_text else cell for is_text, cell in zip(text, row, strict=True)]
                    for row in rows
                ],
                text_inputs=[
                    [cell if is_text else None for is_text, cell in zip(text, row, strict=True)]
                    for row in rows
                ],
                answers=answers.tolist(),
                shares=shares.tolist(),
                latencies=(chance.lognormal(6.5, 0.4, A_DAY) * (3 if day >= 9 else 1))
                .astype(int)
                .tolist(),
            )
        )
        truths.append(back)
    return ids, truths


def tell(project: Project, ids: list[list[str]], truths: list[np.ndarray]) -> None:
    """Tell the labels: all of the first days, and of the last ones fewer and fewer."""
    for day, (known, back) in enumerate(zip(ids, truths, strict=True)):
        share = 1.0 if day < DAYS - 4 else 0.8 - 0.25 * (day - DAYS + 4)
        rows = int(max(share, 0.0) * len(known))
        if rows:
            project.monitoring.feedback(known[:rows], back[:rows].tolist())


def clinic(project: Project, *, extra: int = 0) -> None:
    """Fill a project with all of it."""
    chance = np.random.default_rng(8)
    model = train(project, chance, extra)
    tell(project, *ask(project, model, chance, extra))
