"""`models export|import` and a bundle that is served: what they print, and what they leave."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lite_mlops.project import Project
from lite_mlops.settings import PREFIX
from tests.cli.conftest import COMMAND, RED, Cli, trained

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture
def bundle(project: Project, tmp_path: Path) -> Path:
    """A bundle of a trained model, whose texts steer terminals."""
    trained(project)
    project.models.describe("churn/1", f"{RED}Who leaves.")
    path = tmp_path / "churn.lmz"
    project.models.export("churn/1", path)
    return path


def test_a_version_leaves_and_comes_back_under_another_name(
    cli: Cli, project: Project, tmp_path: Path
) -> None:
    trained(project)
    project.models.set_alias("churn", "champion", 1)
    done = cli("models", "export", "churn@champion", "-o", tmp_path / "churn.lmz")
    size = (tmp_path / "churn.lmz").stat().st_size
    assert (done.code, done.err) == (0, "")
    assert done.out == f"churn/1 is in {tmp_path}/churn.lmz, {size / 1000:.1f} kB.\n"
    done = cli("models", "import", tmp_path / "churn.lmz", "--as", "leaving", "--reason", "a gift")
    assert done.out == f"churn/1 in {tmp_path}/churn.lmz is now leaving/1.\n"
    assert project.models.get("leaving").reason == "a gift"
    done = cli("models", "import", tmp_path / "churn.lmz", "--as", "leaving")
    assert done.out == f"churn/1 in {tmp_path}/churn.lmz was imported before; it is leaving/1.\n"
    done = cli("models", "import", tmp_path / "churn.lmz", "--as", "leaving", "--json")
    assert json.loads(done.out) == {
        "needs_trust": [],
        "bundle": "churn/1",
        "version": "leaving/1",
        "imported": False,
    }


def test_the_default_name_of_a_bundle(cli: Cli, project: Project, tmp_path: Path) -> None:
    trained(project)
    done = cli("models", "export", "churn", "--card", "--json")
    told = json.loads(done.out)
    path = tmp_path / "work" / "churn-1.lmz"
    assert (told["version"], told["path"]) == ("churn/1", "churn-1.lmz")
    assert told["size"] == path.stat().st_size
    assert project.models.card_text("churn").encode() in path.read_bytes()


def test_a_dry_run_shows_and_changes_nothing(
    cli: Cli, project: Project, bundle: Path, tables: Tables
) -> None:
    before = tables()
    done = cli("models", "import", bundle, "--dry-run")
    assert (done.code, done.err) == (0, "")
    for text in (
        "version      churn/1",
        "description  \\x1b[31mWho leaves.",
        "model        sklearn.linear_model._logistic.LogisticRegression",
        "features     age, visits",
        "needs trust  nothing: all that it imports is on the shipped list",
        "Nothing was imported. What stands above is what the bundle says of itself.",
    ):
        assert text in done.out
    assert "\x1b" not in done.out
    told = json.loads(cli("models", "import", bundle, "--dry-run", "--json").out)
    assert (told["bundle"], told["version"], told["needs_trust"]) == ("churn/1", None, [])
    assert told["manifest"]["metrics"] == {"auc": 0.91}
    assert tables() == before


def test_a_dry_run_needs_no_project(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = cli("models", "import", bundle, "--dry-run", dir=tmp_path / "empty")
    assert done.code == 0
    assert list((tmp_path / "empty").iterdir()) == []
    done = cli("models", "import", bundle, dir=tmp_path / "empty")
    assert (done.code, done.out) == (0, f"churn/1 in {bundle} is now churn/1.\n")


def test_what_a_model_needs_is_said_and_trusted(
    cli: Cli, project: Project, tmp_path: Path, tables: Tables
) -> None:
    from tests.models.bundles.rules import Rules

    (tmp_path / "limit.txt").write_text("1")
    files: dict[str, str | Path] = {"limit.txt": tmp_path / "limit.txt"}
    project.models.register(Rules(), "rules", input_example=[[1.0]], artifacts=files, trust=True)
    bundle, name = tmp_path / "rules.lmz", "tests.models.bundles.rules:Rules"
    project.models.export("rules", bundle)
    shown = cli("models", "import", bundle, "--dry-run").out
    assert re.search(rf"^needs trust +{name} *$", shown, re.MULTILINE)
    done = cli("models", "import", bundle, "--as", "other")
    assert done.out == (
        f"rules/1 in {bundle} is now other/1.\n"
        f"It cannot be loaded until you trust what its file imports: {name}\n"
    )
    before = tables()
    done = cli("models", "import", bundle, "--as", "other", "--trust", "os:system")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"Error: The file in {bundle} does not need 'os:system'; it needs {name}.\n"
    )
    assert tables() == before
    done = cli("models", "import", bundle, "--as", "other", "--trust", name)
    assert done.out == f"rules/1 in {bundle} was imported before; it is other/1.\n"
    assert project.models.get("other").trusted == (name,)
    source = tmp_path / "in.csv"
    source.write_text("x0\n0\n2\n")
    done = cli("predict", bundle, "-i", source)
    assert (done.code, done.out) == (6, "")
    assert name in done.err
    done = cli("predict", bundle, "-i", source, "--trust", name)
    assert (done.code, done.out) == (0, "prediction\nfalse\ntrue\n")
    assert cli("predict", bundle, "-i", source, "--trust-all").out == done.out


def test_a_wrong_call_says_why_and_changes_nothing(
    cli: Cli, project: Project, bundle: Path, tables: Tables, tmp_path: Path
) -> None:
    damaged, none = tmp_path / "damaged.lmz", tmp_path / "none.lmz"
    data = bytearray(bundle.read_bytes())
    data[data.index(b"PK", 40) + 60] ^= 1
    damaged.write_bytes(data)
    bundle.with_name("text.lmz").write_text("hello")
    before = tables()
    for line, code, text in (
        (["import", none], 3, f"There is no bundle '{none}'."),
        (["import", damaged], 7, "model.joblib are not those of its CRC-32"),
        (["import", tmp_path / "text.lmz"], 2, "its first bytes are not those of a bundle"),
        (["import", bundle, "--as", "a/b"], 2, "model name 'a/b' cannot be used"),
        (["export", "churn", "-o", tmp_path / "a.zip"], 2, "the name of a bundle ends with .lmz"),
        (["export", "chrun", "-o", tmp_path / "a.lmz"], 3, "Did you mean 'churn'?"),
    ):
        done = cli("models", *line)
        assert (done.code, done.out) == (code, ""), done.err
        assert text in done.err
    assert tables() == before
    assert not list(tmp_path.glob("a.*"))


def test_a_bundle_answers_without_a_project_and_records_nothing(
    environment: None, bundle: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    process = subprocess.Popen(
        [*COMMAND, "serve", str(bundle), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=empty,
        env=os.environ | {PREFIX + "DIR": str(empty)},
    )
    assert process.stdout is not None
    served = re.fullmatch(r"Serving churn/1 on (http://\S+)\n", process.stdout.readline())
    assert served
    url = served[1]
    lines = [process.stdout.readline() for _ in range(4)]
    assert lines[0] == "    It is answered by a plan, as the model would bit for bit.\n"
    assert lines[3] == (
        "Nothing is recorded: a bundle is served without a project. Ctrl-C stops.\n"
    )

    def ask(path: str, body: bytes | None) -> Any:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url + path, body, headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return json.load(response)

    (answer,) = ask("/predict", b'{"age": 2, "visits": 0}')["predictions"]
    assert answer["prediction"] == "yes"
    assert "/feedback" not in ask("/openapi.json", None)["paths"]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        ask("/feedback", b'{"id": "a", "label": "yes"}')
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "\nStopped. 1 row answered.\n", "")
    assert list(empty.iterdir()) == []
