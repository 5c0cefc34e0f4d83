"""`lite-mlops endpoint`: what is told of endpoints, and decisions that servers follow."""

from __future__ import annotations

import http.client
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lite_mlops.project import Project
from lite_mlops.serving import open_references
from tests.cli.conftest import Cli
from tests.cli.test_serve_process import Process
from tests.conftest import Prepared, wait_until
from tests.serving.trials.models import BAD, ROWS, register

ROOT = Path(__file__).parents[2]
CHAMPION = "churn@champion"


def _make_churn(project: Project) -> None:
    register(project, "a", alias="champion")
    register(project, "b", "raise")


@pytest.fixture
def churn(project: Project, prepared: Prepared) -> Project:
    return prepared(project, _make_churn)


def test_decisions_are_told_and_listed(cli: Cli, churn: Project) -> None:
    assert cli("endpoint", "ls").out == "Nothing is served, and nothing is tried.\n"
    done = cli("endpoint", "canary", CHAMPION, "churn/2=25%", "--key", "x0", "--reason", "May")
    assert (done.code, done.err) == (0, "")
    assert done.out == ("churn@champion: churn/2 gets 25 % of the requests, by the column x0.\n")
    assert cli("endpoint", "canary", CHAMPION, "churn/2=0.5").code == 0  # the key stays
    assert cli("endpoint", "shadow", CHAMPION, "churn/2").code == 0
    done = cli("endpoint", "pause", CHAMPION)
    assert done.out == (
        "churn@champion: churn/2 gets 50 % of the requests, by the column x0; churn/2 is asked as "
        "a shadow (paused).\n"
    )
    assert cli("endpoint", "ls").out.splitlines() == [
        "endpoint        answers with  processes  canary        shadow         ",
        "churn@champion  churn/1       none       churn/2=50 %  churn/2  paused",
    ]
    (listed,) = json.loads(cli("endpoint", "ls", "--json").out)
    assert listed["trial"]["canary"] == 2
    assert listed["trial"]["share"] == 0.5
    assert cli("endpoint", "resume", CHAMPION).code == 0
    assert cli("endpoint", "shadow", CHAMPION, "--off").code == 0
    done = cli("endpoint", "promote", CHAMPION, "--reason", "no worse")
    assert done.out == "churn@champion is churn/2 now; its trial is over.\n"
    assert churn.models.get(CHAMPION).version == 2
    told = churn.sql("SELECT what, actor, reason FROM endpoint_story ORDER BY ts").rows
    assert told[0] == ("canary", "ann", "May")
    assert [what for what, _, _ in told] == [
        *("canary", "canary", "shadow", "paused", "resumed", "shadow off", "promoted"),
    ]
    assert cli("endpoint", "ls").out == "Nothing is served, and nothing is tried.\n"


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("canary", CHAMPION), 2, "Either VERSION=SHARE, such as churn/4=10%, or --off."),
        (("canary", CHAMPION, "churn/2=10%", "--off"), 2, "Either VERSION=SHARE"),
        (("canary", CHAMPION, "churn/2"), 2, "write a version and its share, such as churn/4=10%"),
        (("canary", CHAMPION, "churn/2=much"), 2, "the share 'much' is no number"),
        (("canary", CHAMPION, "--off"), 3, "churn@champion has no canary."),
        (("shadow", CHAMPION), 2, "Either a VERSION, such as churn/5, or --off."),
        (("shadow", CHAMPION, "churn/9"), 3, "The model 'churn' has no version 9"),
        (("promote", "churn/1"), 2, "only an alias, such as churn@champion, can be moved"),
        (("resume", CHAMPION), 3, "Nothing is tried at churn@champion."),
        (("show", "churn@chamipon"), 3, "There is no endpoint 'churn@chamipon'."),
    ],
)
def test_what_cannot_be_is_refused(
    cli: Cli, churn: Project, words: tuple[str, ...], code: int, text: str
) -> None:
    done = cli("endpoint", *words)
    assert done.code == code
    assert text in done.err
    assert churn.sql("SELECT * FROM endpoint_trials").rows == ()


def test_what_clients_may_notice_is_told(cli: Cli, churn: Project) -> None:
    model = churn.models.load("churn/1").fit([[1.0, 2.0]] * 5)
    churn.models.register(model, "churn", input_example=[[1.0, 2.0]], trust=True)
    done = cli("endpoint", "shadow", CHAMPION, "churn/3")
    assert done.code == 0
    assert "Clients may notice: " in done.err


def test_show_tells_a_stranger_everything(cli: Cli, churn: Project) -> None:
    churn.endpoints.canary(CHAMPION, "churn/2", 0.5, reason="retrained in May")
    churn.endpoints.shadow(CHAMPION, "churn/2")
    assert "Nothing was counted yet." in cli("endpoint", "show", CHAMPION).out
    opened = open_references(churn.store, churn.models, [CHAMPION])
    opened.begin(url="http://127.0.0.1:8000")
    try:
        for _ in range(40):
            opened.served.default.predict(ROWS[:1])
        shadow = opened.served.default.routing.shadows[0]  # type: ignore[union-attr]
        present = opened.served.default.routing.present.counts()  # type: ignore[union-attr]
        wait_until(lambda: shadow.comparison().requests == present.requests)
        opened.following.trying.tell()  # type: ignore[union-attr]
        shown = cli("endpoint", "show", CHAMPION).out
        told = json.loads(cli("endpoint", "show", CHAMPION, "--json").out)
    finally:
        opened.end()
    assert f"processes     {os.getpid()} on " in shown
    assert "http://127.0.0.1:8000" in shown
    assert "canary        churn/2=50 %" in shown
    assert "errors   no sign that it is worse (evidence " in shown
    assert ", 300 needed)" in shown
    lines = {line.split()[0]: line.split() for line in shown.splitlines() if line[:5] == "churn"}
    assert lines["churn/1"][:3] == ["churn/1", "present", str(present.requests)]
    assert lines["churn/2"][:4] == ["churn/2", "canary", str(40 - present.requests), "0"]
    assert f"says something else of {present.requests} of {present.requests} rows (100 %)" in shown
    assert "numbers differ by 0.9 on average, 0.9 at most; a row takes " in shown
    assert "retrained in May" in shown
    assert [one["what"] for one in told["story"]][-3:] == ["started", "shadow", "canary"]
    assert told["processes"][0]["detail"] == {"url": "http://127.0.0.1:8000"}
    after = cli("endpoint", "show", CHAMPION).out
    assert "processes     none" in after
    assert "stopped" in after


# -- beside a server ----------------------------------------------------------------------------


@pytest.fixture
def serve(environment: None, churn: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    started: list[Process] = []

    def start(*options: str) -> Process:
        started.append(Process(churn, *options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def test_commands_of_another_process_change_what_answers_and_no_request_suffers(
    command: Cli, churn: Project, serve: Any
) -> None:
    register(churn, "c", "raise")
    server = serve(CHAMPION, "--canary", "churn/2=50%", "--shadow", "churn/3")
    found: list[tuple[int, int, str]] = []
    stop = threading.Event()
    row = [1.0]

    def load() -> None:
        connection = http.client.HTTPConnection(server.address, timeout=30)
        while not stop.is_set():
            connection.request("POST", "/predict", json.dumps([row]).encode())
            answer = connection.getresponse()
            told = json.loads(answer.read())
            found.append((answer.status, told["version"], told["predictions"][0]["prediction"]))
        connection.close()

    def versions() -> set[int]:
        """The versions that answer from now on."""
        start = len(found)
        wait_until(lambda: len(found) >= start + 40)
        return {version for _, version, _ in found[start + 5 :]}

    client = threading.Thread(target=load)
    client.start()
    wait_until(lambda: versions() == {1, 2})
    assert command("endpoint", "pause", CHAMPION).code == 0
    wait_until(lambda: versions() == {1})
    assert command("endpoint", "resume", CHAMPION).code == 0
    wait_until(lambda: versions() == {1, 2})
    assert "churn/2=50 %" in command("endpoint", "ls").out
    row[0] = BAD  # the canary and the shadow fail from now on
    wait_until(lambda: churn.endpoints.get(CHAMPION).trial.how == "rolled back")
    assert versions() == {1}
    row[0] = 2.0
    assert command("endpoint", "canary", CHAMPION, "churn/3=50%").code == 0
    wait_until(lambda: versions() == {1, 3})
    assert command("endpoint", "promote", CHAMPION).code == 0
    wait_until(lambda: versions() == {3})
    stop.set()
    client.join()
    assert {(status, "abc"[version - 1] == said) for status, version, said in found} == {
        (200, True)
    }
    code, out, err = server.end()
    assert code == 0, err
    told = server.said + out
    assert "churn/2 is tried as a canary of churn@champion." in told
    assert "churn/2 is worse than churn/1 beyond chance: of its requests " in told
    assert "churn@champion is churn/3 now; it was churn/1." in told
    shown = command("endpoint", "show", CHAMPION).out
    for what in ("started", "canary stopped", "rolled back", "promoted", "moved", "stopped"):
        assert what in shown


def test_serve_refuses_what_cannot_be_tried(cli: Cli, churn: Project) -> None:
    done = cli("serve", CHAMPION, "churn/2", "--canary", "churn/2=10%", "--port", "0")
    assert done.code == 2
    assert "it is not clear at which endpoint churn/2 is to be tried" in done.err
    done = cli("serve", CHAMPION, "--canary-key", "x0", "--port", "0")
    assert (done.code, "the key 'x0' is of no use without a canary" in done.err) == (2, True)
    done = cli("serve", "churn.lmz", "--shadow", "churn/2", "--port", "0")
    assert (done.code, "Beside a bundle nothing can be tried" in done.err) == (2, True)
    assert churn.sql("SELECT * FROM endpoint_trials").rows == ()
