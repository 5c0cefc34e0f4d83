"""`lite-mlops serve`: a model version behind HTTP on this machine."""

from __future__ import annotations

import json

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.output import say

_SHOWN = 8  # columns of the example


@click.command()
@click.argument("reference")
@click.option("-p", "--port", default=8000, show_default=True, help="0 takes a free one.")
def serve(reference: str, port: int) -> None:
    """Serve a model version over HTTP.

    REFERENCE names it, such as churn@champion or churn/3.
    """
    from lite_mlops.web import Server, prediction_app

    project = open_project()
    endpoint = project.endpoint(reference)
    server = Server(prediction_app(endpoint, project.monitoring), port)
    endpoint.announce()
    say(f"Serving {endpoint.version.name} on {server.url}")
    row = list(endpoint.version.signature.example_row().items())
    example = json.dumps(dict(row[:_SHOWN]), ensure_ascii=False)[1:-1]
    more = ", ..." if len(row) > _SHOWN else ""
    say(f"    curl {server.url}/schema")
    if row:
        say(f"    curl {server.url}/predict --json '{{{example}{more}}}'")
    say("Every answer is recorded. Ctrl-C stops.")
    try:
        server.run()
    except KeyboardInterrupt:
        performance = project.monitoring.performance(endpoint.version.name)
        say(f"\nStopped. {performance.predictions:,} predictions of it are recorded.")
