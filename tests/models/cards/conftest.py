"""Fixtures: a project whose every word is hostile, and facts as they could be recorded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from sklearn.linear_model import LogisticRegression

from lite_mlops.models.aliases import AliasMove
from lite_mlops.models.cards.facts import (
    CardFacts,
    ColumnFact,
    DataFact,
    InputFact,
    MetricFact,
    RunFact,
)
from lite_mlops.models.cards.stated import ASKED, Stated
from lite_mlops.models.gate_results import GateResult
from lite_mlops.project import Project

SCRIPT = "<script>alert('x')</script>\"&'"
HOSTILE = (
    SCRIPT,
    "</style></main><img src=x onerror=alert(1)>",
    "a | b | c",
    "`code` ``more`` ```",
    "**bold** _soft_ ~~gone~~ $x$",
    "[link](https://example.com) ![picture](x.png)",
    "# heading",
    "- item",
    "+",
    "1. first",
    "---",
    "title\n===",
    "title\n---",
    "<script x",
    "<!-- gone",
    "<?php",
    "</style",
    "> quoted",
    "&lt;b&gt; &amp; &#35;",
    "ends with \\",
    "\x1b[31mred\u202e",
    "license: mit\n---\n# gone",
    '"}\n]: {*a, &b !!python/object:x %tag @at',
    "yes",
    "1e3",
    "null",
    "",
    "'; rm -rf / #",
    "\u2028\x85\ufeff\U0001f600é",
)
WHEN = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)

# Texts of one line and of several, as people and machines write them; no half characters.
_characters = st.characters(exclude_categories=["Cs"])
texts = st.one_of(
    st.sampled_from([text for text in HOSTILE if text]),
    st.text(_characters, min_size=1, max_size=30),
    st.text("\\`*_[]<>&|~$#=+-1.) \n\t\"'x:!{}%@", min_size=1, max_size=30),
).filter(str.strip)


def facts_of(text: str, **more: Any) -> CardFacts:
    """Return the facts of a card in which everything that is a text of people is `text`."""
    found: dict[str, Any] = {
        "model": "churn",
        "version": 3,
        "sha256": "ab" * 32,
        "size": 1234,
        "format": "joblib",
        "created_at": WHEN,
        "actor": text,
        "class_name": text,
        "aliases": ("champion",),
        "description": text,
        "reason": text,
        "tags": {text: text},
        "stated": tuple(Stated(name, text, "version") for name in ASKED),
        "metrics": (MetricFact(text, 0.5, without="no interval: no evaluation was kept"),),
        "evaluations": (
            MetricFact("accuracy", 0.5, 0.4, 0.6, 0.95, 100, text, higher_is_better=True),
        ),
        "unread": (text,),
        "slices": (MetricFact("accuracy", 0.25, group=text),),
        "data": (
            DataFact(
                name=text,
                sha256="cd" * 32,
                roles="training",
                form="table",
                rows=10,
                columns=(ColumnFact(text, "text", 1, 2, categories={text: 6, "other": 3}),),
            ),
        ),
        "run_id": "0123",
        "run": RunFact(
            "0123", text, text, "finished", text, WHEN, 1.5, text, {text: text}, {"system": text}
        ),
        "params": {text: text},
        "code": {"commit": "ef" * 20, "dirty": True, "branch": text, "argv": [text]},
        "inputs": (InputFact(text, "number"),),
        "outputs": (InputFact("prediction", "class", categories=(text, "other")),),
        "gates": (
            GateResult(
                5,
                text,
                text,
                "failed",
                WHEN,
                text,
                text,
                text,
                "ab" * 32,
                100,
                ((text, "failed", text),),
                ((text, WHEN),),
                WHEN,
                text,
                text,
                text,
            ),
        ),
        "moves": (AliasMove(7, "churn", "champion", 3, 2, WHEN, text, text, None, {text: text}),),
        "requirements": {"python": "3.12.1", text: text},
        "members": {text: ("01" * 32, 5)},
        "trusted": (text,),
        "example": ({text: text},),
    }
    return CardFacts(**(found | more))


def bare(**more: Any) -> CardFacts:
    """Return the facts of a card of which nothing is known that need not be."""
    stated = tuple(map(Stated, ASKED))
    return CardFacts("churn", 1, "ab" * 32, 10, "joblib", WHEN, "ann", stated=stated, **more)


# -- readers ------------------------------------------------------------------------------------


class Document:
    """Markdown as a reader of GitHub's tables understands it: kinds of markup, and texts."""

    def __init__(self, text: str) -> None:
        self.kinds: set[str] = set()
        self.blocks: list[str] = []
        self.texts: list[str] = []  # of each paragraph, heading and cell
        self.headings: list[str] = []
        self.rows: list[list[str]] = []
        inside = ""
        for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
            self.kinds.add(token.type)
            self.blocks.append(token.type)
            if token.type == "tr_open":
                self.rows.append([])
            if token.type != "inline":
                inside = token.type
                continue
            told = "".join(self._inline(child) for child in token.children or ())
            self.texts.append(told)
            if inside == "heading_open":
                self.headings.append(told)
            elif inside in ("th_open", "td_open"):
                self.rows[-1].append(told)

    def _inline(self, token: Any) -> str:
        self.kinds.add(token.type)
        return " " if token.type.endswith("break") else str(token.content)


# -- a project ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project with two versions of a model; only to be read."""
    folder = tmp_path_factory.mktemp("recorded")
    project = Project(folder, capture_code=False, capture_environment=False)
    random = np.random.default_rng(1)
    rows = random.normal(size=(200, 2))
    labels = np.where(rows[:, 0] + random.normal(size=200) > 0, "yes", "no")
    model = LogisticRegression().fit(rows, labels)
    with project.start_run(SCRIPT, experiment=SCRIPT, params={SCRIPT: SCRIPT}) as run:
        project.log_dataset(rows, "customers", column_names=["age", SCRIPT])
        plan = ["basic", "plus"] * 50
        held = {"plan": plan, "name": [f"person {n // 2}" for n in range(100)], "age": range(100)}
        project.log_dataset(held, "holdout", role="test")
        answers = model.predict(rows[:100])
        right = float(np.mean(answers == labels[:100]))
        run.log_metrics({"accuracy": right, "auc": 0.5, "share": right})
        scores = model.predict_proba(rows[:100])[:, 1]
        run.log_evaluation(labels[:100], answers, y_score=scores, name="holdout")
        project.log_model(model, "churn", input_example={"age": 0.5, SCRIPT: None})
        project.log_model(model, "churn", input_example={"age": 0.5, SCRIPT: None}, reason=SCRIPT)
    project.models.set_alias("churn", "champion", 1, reason=SCRIPT)
    project.models.set_alias("churn", "champion", 2, evidence={"auc": [0.5, 0.6]})
    project.models.set_alias("churn", "first", 1)
    project.close()
    return folder


@pytest.fixture
def registered(recorded: Path, tmp_path: Path) -> Iterator[Project]:
    """A project of its own with two versions, from a run of which everything was recorded."""
    shutil.copytree(recorded, tmp_path / "copy")
    project = Project(tmp_path / "copy", capture_code=False, capture_environment=False)
    yield project
    project.close()
