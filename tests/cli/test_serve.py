"""`lite-mlops serve`: a version behind HTTP until it is interrupted."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from typing import Any

from lite_mlops.project import Project
from tests.cli.conftest import COMMAND, Cli, trained

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]


def test_a_version_answers_until_it_is_interrupted(environment: None, project: Project) -> None:
    trained(project)
    process = subprocess.Popen(
        [*COMMAND, "serve", "churn/1", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    served = re.fullmatch(r"Serving churn/1 on (http://127\.0\.0\.1:\d+)\n", said)
    assert served, said
    url = served[1]
    path = process.stdout.readline()
    assert path == "    It is answered by a plan, as the model would bit for bit.\n"
    asking = process.stdout.readline()
    assert asking == f'    curl {url}/predict --json \'{{"age": 0.0, "visits": 0.0}}\'\n'
    assert process.stdout.readline() == (
        f"    {url} in a browser has a form to try it; /openapi.json tells all routes.\n"
    )
    assert process.stdout.readline() == "Answers are recorded. Ctrl-C stops.\n"
    request = urllib.request.Request(  # noqa: S310  our own server on loopback
        f"{url}/predict", b'{"age": 2, "visits": 0}', {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        (answer,) = json.load(response)["predictions"]
    assert answer["prediction"] == "yes"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out == "\nStopped. 1 row answered, 1 recorded.\n"
    table = project.sql("SELECT prediction_id, model, version, numbers, value FROM predictions")
    assert table.rows == ((answer["id"], "churn", 1, [2.0, 0.0], "yes"),)


def test_a_wrong_call_says_why_and_changes_nothing(
    cli: Cli, project: Project, tables: Tables
) -> None:
    version = trained(project)
    before = tables()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for line, code, text in (
            (["chrun"], 3, "There is no model 'chrun'. Did you mean 'churn'?"),
            (["churn@best"], 3, "The model 'churn' has no alias 'best'."),
            (["churn/2"], 3, "The model 'churn' has no version 2; its newest is 1."),
            (["ch urn"], 2, "'ch urn' does not name a model version; write "),
            (["churn", "-p", "70000"], 2, "70000 is not a port: 0 to 65535."),
            (["churn", "-p", "-1"], 2, "-1 is not a port: 0 to 65535."),
            (["churn", "-p", "x"], 2, "Invalid value for '-p' / '--port': 'x' is not a valid int"),
            (
                ["churn", "-p", str(port)],
                5,
                f"Port {port} cannot be used (Address already in use); choose another.",
            ),
        ):
            done = cli("serve", *line)
            assert (done.code, done.out) == (code, "")
            assert f"Error: {text}" in done.err
    project.store.objects.path(version.sha256).write_bytes(b"changed")
    done = cli("serve", "churn")
    assert (done.code, done.out) == (7, "")
    assert done.err.startswith("Error: The file of model version churn/1 is damaged: it should ")
    assert tables() == before
