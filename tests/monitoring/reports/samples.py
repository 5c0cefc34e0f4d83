"""Facts of reports as they could be: of any number of columns, and with any text as every word."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np

from lite_mlops.charts import Pair, Reliability
from lite_mlops.monitoring.findings import ALERT, INFO, NONE, WARN, Finding
from lite_mlops.monitoring.reports.facts import (
    AlertFact,
    CalibrationFact,
    ColumnFact,
    GroupFact,
    JointFact,
    JumpFact,
    MetricFact,
    MetricPoint,
    ReportFacts,
    ServiceFact,
    SliceFact,
    Span,
)

START = datetime(2026, 11, 1, tzinfo=UTC)
WINDOWS = 12


def _pair(chance: np.random.Generator, shift: float) -> Pair:
    edges = np.linspace(-3, 4, 21)
    sides = [np.histogram(chance.normal(mean, 1, 3_000), edges)[0] / 3_000 for mean in (0.0, shift)]
    names = [f"{a:.2g} to {b:.2g}" for a, b in itertools.pairwise(edges)]
    return Pair(names, sides[0].tolist(), sides[1].tolist(), edges.tolist())


def column(place: int, name: str, chance: np.random.Generator, severity: str) -> ColumnFact:
    """A column whose change fits its severity."""
    size = {ALERT: 4.2, WARN: 1.4, INFO: 0.6, NONE: 0.2}[severity]
    rising = np.linspace(0.1, size, WINDOWS) + chance.normal(0, 0.05, WINDOWS)
    return ColumnFact(
        name=name,
        kind="number" if place % 3 else "category",
        severity=severity,
        score=size / 20,
        effect=size,
        adjusted_p=1e-12 if size > 1 else 0.4,
        importance=1 / (place + 2),
        missing_before=0.01,
        missing_now=0.08 if severity == ALERT else 0.01,
        reasons=(f"{name}: 8 % missing, 1 % in the reference",) if severity == ALERT else (),
        broken=("missing",) if severity == ALERT else (),
        examples={"missing": ("6b079c699347b2981077",)} if severity == ALERT else {},
        distribution=_pair(chance, size / 4)
        if place % 3
        else Pair([name, "Rome", "Lima"], [0.5, 0.3, 0.2], [0.3, 0.3, 0.4]),
        numeric=bool(place % 3),
        moved=tuple(float(one) >= 1 for one in rising),
        effects=(*rising[:3].tolist(), None, *rising[4:].tolist()),
        since=START + timedelta(days=7) if severity in (WARN, ALERT) else None,
    )


def metric(name: str, chance: np.random.Generator, sentence: str) -> MetricFact:
    """A metric that falls; labels of the last windows are still few."""
    points = []
    for place in range(WINDOWS):
        value = 0.88 - 0.006 * place + float(chance.normal(0, 0.006))
        labelled = place != 4 and place < WINDOWS - 1
        points.append(
            MetricPoint(
                value=value if labelled else None,
                low=value - 0.02 if labelled else None,
                high=value + 0.02 if labelled else None,
                provisional=place >= WINDOWS - 3,
            )
        )
    estimates = tuple(
        MetricPoint(
            value=0.875 - 0.002 * place,
            low=0.86 - 0.002 * place,
            high=0.89 - 0.002 * place,
            at=(START + timedelta(days=place + 0.3)).timestamp(),
        )
        for place in range(WINDOWS)
    )
    return MetricFact(
        name,
        tuple(points),
        MetricPoint(0.842, 0.835, 0.849),
        estimates,
        reference=0.885,
        reference_low=0.875,
        reference_high=0.895,
        severity=WARN,
        sentence=sentence,
    )


def facts_of(text: str = "", columns: int = 30) -> ReportFacts:
    """Facts of which every part is there; `text` stands in every word that people chose."""
    chance = np.random.default_rng(11)
    names = [f"{text or 'column'} {place}" for place in range(columns)]
    severities = [ALERT, WARN, INFO, *[NONE] * columns][:columns]
    found = tuple(
        column(place, name, chance, severity)
        for place, (name, severity) in enumerate(zip(names, severities, strict=True))
    )
    spans = tuple(
        Span(
            START + timedelta(days=place),
            START + timedelta(days=place + 1),
            1_000 + 40 * place,
            max(0, 900 - 80 * place),
        )
        for place in range(WINDOWS)
    )
    findings = (
        Finding("quality", names[0], ALERT, f"{names[0]}: 8 % missing, 1 % before.", None, None),
        Finding("drift", names[0], ALERT, f"{names[0]}: mean 0 -> 1.05, KS 0.21.", 4.2, 1.0),
        Finding("drift", names[1 % columns], WARN, f"{names[1 % columns]}: moved.", 1.4, 1.0),
        Finding("performance", "accuracy", WARN, f"accuracy fell {text}.", 0.842, 0.865),
        Finding("fairness", text or "city", WARN, f"selection rate of {text or 'Oslo'}.", 0.7, 0.8),
        Finding("service", "latency", WARN, "95 % within 41 ms, 12 ms before.", 41.0, 24.0),
        Finding("drift", "fine", NONE, "fine", 0.1, 1.0),
    )
    return ReportFacts(
        name=text or "churn",
        model=f"{text or 'churn'}/3",
        written_at=START + timedelta(days=WINDOWS),
        predictions=sum(span.predictions for span in spans),
        labelled=sum(span.labelled for span in spans),
        since=START,
        until=START + timedelta(days=WINDOWS),
        reference=f"{text or 'customers'}@461a8a2d",
        reference_rows=20_000,
        findings=findings,
        spans=spans,
        versions=((START + timedelta(days=5), f"{text or 'churn'}/3"),),
        metrics=(
            metric("accuracy", chance, f"Accuracy fell by more than 2 points {text}."),
            metric(f"ROC AUC {text}", chance, ""),
        ),
        columns=found,
        answers=(column(1, f"answer {text}", chance, NONE),),
        rules=(
            Finding(
                *("quality", "", ALERT, f"12 % of the rows come twice {text}."),
                evidence={"rules": ["duplicates"], "examples": {"duplicates": [text or 17]}},
            ),
        ),
        joint=JointFact(
            *(0.61, 0.59, 0.63, 1e-12, ALERT, f"Together they have (AUC 0.610) {text}."),
            features={names[0]: 0.08, names[1 % columns]: 0.02},
        ),
        slices=tuple(
            SliceFact(
                *(text or "city", part, "accuracy", 0.8 + place / 40, 0.78 + place / 40),
                *(0.83 + place / 40, 900 - 300 * place, 2_000, NONE, place == 2),
            )
            for place, part in enumerate((f"Oslo {text}", "Rome", "Lima"))
        ),
        groups=tuple(
            GroupFact(
                *(text or "sex", group, 4_000 - 3_980 * place, 300),
                {"selection rate": (0.3, 0.28, 0.33), "TPR": (0.8 - place / 9, 0.6, 0.9)},
                WARN if place else NONE,
                f"under 30 rows {text}" if place else "",
            )
            for place, group in enumerate(("f", f"m {text}"))
        ),
        calibration=CalibrationFact(
            tuple(Reliability(p, p * 0.8, p * 0.7, min(p * 0.9, 1), 200) for p in (0.1, 0.5, 0.9)),
            *(0.081, 0.02, 0.83, -0.12, 600),
        ),
        alerts=(
            AlertFact(
                *("6b079c69", f"drift of {text}", ALERT, "open", f"it moved {text}"),
                since=START + timedelta(days=8),
            ),
        ),
        jumps=(JumpFact(f"score {text}", f"the score jumped {text}.", WARN),),
        service=ServiceFact(
            at=tuple(span.since for span in spans),
            requests=tuple(span.predictions for span in spans),
            median=tuple(3.0 + place / 9 for place in range(WINDOWS)),
            slow=tuple(12.0 + place for place in range(WINDOWS)),
            versions=((f"churn/3 {text}", 14_000, "half up to 3 ms"), ("churn/2", 90, "")),
            trials=((f"canary {text}", f"12 of 400 requests failed {text}"),),
            facts={"answers with": f"churn/3 {text}", "canary": "none"},
        ),
        notes=(f"Fairness was not checked: no columns are named {text}.",),
        how={
            "test": f"two-sample Kolmogorov-Smirnov, chi-square {text}",
            "false discoveries": "Benjamini-Hochberg at 1 %",
        },
    )
