"""`lite-mlops monitor report`: a version or a monitor as a page, as Markdown or as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lite_mlops.cli import monitor_report
from lite_mlops.monitoring.reports.forms import FORMS
from lite_mlops.project import Project
from tests.cli.conftest import Cli
from tests.monitoring.reports.clinic import ask, train


@pytest.fixture
def answered(project: Project) -> Project:
    """A project with a model and its answers of twelve days, without labels."""
    chance = np.random.default_rng(4)
    ask(project, train(project, chance), chance)
    return project


@pytest.mark.slow
def test_a_version_is_told_as_markdown(cli: Cli, answered: Project) -> None:
    done = cli("monitor", "report", "readmission@champion", "--last", 900, "--window", 300)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("# Monitoring report: readmission/1\n\n**Alert: 3 of 5 columns")
    assert "labels for none so far" in done.out


@pytest.mark.slow
def test_the_ending_of_the_file_tells_the_form(cli: Cli, answered: Project) -> None:
    for name, begin in (("r.HTML", "<!doctype html>"), ("r.json", "{"), ("r.txt", "# Monitoring")):
        done = cli("monitor", "report", "readmission", "--last", 300, "-o", name)
        assert (done.code, done.out) == (0, f"Wrote {name}.\n")
        assert Path(name).read_text(encoding="utf-8").startswith(begin)


@pytest.mark.slow
def test_a_monitor_is_told_up_to_a_time(cli: Cli, answered: Project) -> None:
    answered.monitors.set("ward", model="readmission/1", window="1d")
    done = cli("monitor", "report", "ward", "--until", "2026-03-12T00:00+00:00", "--json")
    told = json.loads(done.out)
    assert (told["name"], told["model"], told["predictions"]) == ("ward", "readmission/1", 240)
    assert {one["subject"] for one in told["look_at"]} >= {"crp", "ward", "heart_rate"}
    done = cli("monitor", "report", "ward", "--last", 300)
    assert done.code == 2
    assert "--last is for a version; ward is a monitor with a window." in done.err


def test_what_is_not_there_is_said(cli: Cli, answered: Project) -> None:
    done = cli("monitor", "report", "readmision")
    assert (done.code, done.out) == (3, "")
    assert "readmission" in done.err
    done = cli("monitor", "report", "readmission", "--window", "often")
    assert done.code == 2
    assert "Windows of 'often' cannot be made" in done.err


def test_the_forms_are_those_of_reports() -> None:
    assert set(monitor_report.FORMS) == set(FORMS)
