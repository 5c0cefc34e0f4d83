"""`lite-mlops demo`: a first whole life of a model, told step by step as it happens."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lite_mlops.cli.drift import line
from lite_mlops.cli.output import console, say, table

if TYPE_CHECKING:
    from lite_mlops.monitoring.drift import DriftReport

_STEPS = 7


class _Teller:
    """Tells the steps, numbered."""

    def __init__(self) -> None:
        self._step = 0

    def step(self, text: str) -> None:
        from rich.text import Text

        self._step += 1
        console().print(Text(f"\n[{self._step}/{_STEPS}] {text}", style="bold cyan"))

    def detail(self, text: str) -> None:
        say(f"      {text}")


@click.command()
@click.argument("path", type=click.Path(file_okay=False, path_type=Path), default="lite-mlops-demo")
def demo(path: Path) -> None:
    """Show a first whole life of a model.

    A real model is trained, registered, served and watched, in a project of its own in PATH.
    """
    started = time.perf_counter()
    from lite_mlops import demo as story  # scikit-learn takes a second to load
    from lite_mlops.project import Project

    path.mkdir(parents=True, exist_ok=True)
    project = Project(path)
    tell = _Teller()
    tell.step("Data: the Wisconsin breast cancer data that ships with scikit-learn")
    patients = story.load_patients()
    tell.detail(f"{len(patients.train)} patients to train on, {len(patients.held_out)} held out")

    tell.step("Training: two models in two tracked runs, five-fold cross-validation")
    trained = []
    for name, model in story.candidates().items():
        version, dataset, auc = story.train(project, name, model, patients)
        tell.detail(f"{name}: AUC {auc:.4f}, registered as {version.name} (run {version.run_id})")
        trained.append((version, auc))
    tell.detail(f"both on {dataset.name}, {dataset.rows} x {dataset.columns}")
    tell.detail(f"SHA-256 {dataset.sha256}")

    tell.step("Registry: the better one becomes the champion")
    champion = story.choose(project, trained)
    tell.detail(f"{champion.name} is @champion: {project.models.history(story.MODEL)[0].reason}")

    tell.step("Serving: the champion behind HTTP on this machine")
    with story.serve(project) as server:
        first, rest = patients.held_out[:100], patients.held_out[100:]
        began = story.now()
        answers = story.ask(server.url, patients, first)
        tell.detail(f"{server.url} answered {len(answers)} held-out patients")
        tell.detail(f"the first one: {answers[0]['prediction']}, prediction {answers[0]['id']}")

        tell.step("Feedback: the true diagnoses arrive later, by prediction id")
        story.send_labels(server.url, answers, patients.held_out_labels[:100])
        drift, performance = story.watch(project, began)
        tell.detail(
            f"{performance.right} of {performance.labelled} were right: "
            f"accuracy {performance.accuracy:.3f}"
        )

        tell.step("Monitoring: the same features as in training so far")
        _tell_drift(tell, drift)

        tell.step(f"A device goes wrong: {' and '.join(story.SHIFTED)} read a quarter too high")
        broke = story.now()
        story.ask(server.url, patients, story.misread(patients, rest))
        drift, _ = story.watch(project, broke)
        _tell_drift(tell, drift)
    project.close()
    _farewell(path, time.perf_counter() - started)


def _tell_drift(tell: _Teller, drift: DriftReport) -> None:
    told = [line(column) for column in drift.columns[:3]]
    rows = [(f"      {column}", score, verdict) for column, score, verdict in told]
    table(rows, ("      feature", "KS", "verdict"), right=("KS",))
    tell.detail(f"{len(drift.moved)} of {len(drift)} features have drifted")


def _farewell(path: Path, seconds: float) -> None:
    say(f"\nDone in {seconds:.1f} s. Everything lies in {path.absolute() / '.lite-mlops'}")
    say("Look at each thing:")
    for command in (
        f"cd {path}",
        "lite-mlops runs ls",
        "lite-mlops models show breast-cancer@champion",
        'lite-mlops sql "SELECT value, count(*) FROM predictions GROUP BY value"',
        "lite-mlops drift breast-cancer@champion",
        "lite-mlops serve breast-cancer@champion    # on http://127.0.0.1:8000",
    ):
        say(f"    {command}")
