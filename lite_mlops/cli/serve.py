"""`lite-mlops serve`: a model version behind HTTP on this machine."""

from __future__ import annotations

import json

import click

from lite_mlops.cli.model_source import asked_model, chosen_trust, strict_option, trust_options
from lite_mlops.cli.output import say

_SHOWN = 8  # columns of the example


@click.command()
@click.argument("reference")
@click.option("-p", "--port", default=8000, show_default=True, help="0 takes a free one.")
@trust_options
@strict_option
def serve(
    reference: str,
    port: int,
    trust: tuple[str, ...],
    trust_all: bool,  # noqa: FBT001
    strict: bool,  # noqa: FBT001
) -> None:
    """Serve a model version over HTTP.

    REFERENCE names it, such as churn@champion or churn/3, or is a bundle (churn.lmz), which needs
    no project.
    """
    from lite_mlops.serving import Endpoint, Recording
    from lite_mlops.web import Server, prediction_app

    version, model, project = asked_model(reference, chosen_trust(trust, trust_all), strict=strict)
    recording = None if project is None else Recording(project.store, version)
    monitoring = None if project is None else project.monitoring
    endpoint = Endpoint(version, model, recording)
    server = Server(prediction_app(endpoint, monitoring), port)
    endpoint.announce()
    say(f"Serving {version.name} on {server.url}")
    row = list(version.signature.example_row().items())
    example = json.dumps(dict(row[:_SHOWN]), ensure_ascii=False)[1:-1]
    more = ", ..." if len(row) > _SHOWN else ""
    say(f"    curl {server.url}/schema")
    if row:
        say(f"    curl {server.url}/predict --json '{{{example}{more}}}'")
    if project is None:
        say("Nothing is recorded: a bundle is served without a project. Ctrl-C stops.")
    else:
        say("Every answer is recorded. Ctrl-C stops.")
    server.run()
    recorded = ""
    if project is not None:
        performance = project.monitoring.performance(version.name)
        recorded = f" {performance.predictions:,} predictions of it are recorded."
    say(f"\nStopped.{recorded}")
