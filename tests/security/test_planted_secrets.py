"""Forty secrets go in by every door of a run, and not one of them reaches a file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lite_mlops.project import Project

HARMLESS = "a-text-that-is-no-secret"

# Secrets that only their names tell; each value is like no other.
BY_NAME = {
    "params": (
        "password db.password DB_PASSWORD apiKey openai-api-key client_secret access_token "
        "aws_secret_access_key private_key passphrase"
    ).split(),
    "tags": "auth session_id cookie credentials sentry_dsn connectionString".split(),
    "later": "refresh_token encryption_key".split(),
    "variables": "HF_TOKEN WANDB_API_KEY MYSQL_PWD".split(),
    "options": "--api-key --db-password --token".split(),
}
NAMED = {
    door: {name: f"hunter-{door}-{number}" for number, name in enumerate(names)}
    for door, names in BY_NAME.items()
}

# Secrets that only their forms tell, put together here so that no scanner takes them for real.
FORMED = {
    "aws": "AKIA" + "QQWWEERRTTYY1234",
    "github": "ghp_" + "q1W2" * 9,
    "pat": "github_" + "pat_" + "11QWERTZ0123456789_qwertzuiop",
    "gitlab": "glpat-" + "q7Wz_1234567890-qwer",
    "hub": "hf_" + "QwErTzUiOpAsDfGhJkLyXcVbNm123456",
    "ai": "sk-" + "proj-qwertzuiop0123456789",
    "slack": "xoxb-" + "123456789012-qwertz",
    "google": "AIza" + "SyQ1234567890qwertzuiopasdfghjkl123",
    "jwt": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiJxd2VydHp1In0" + ".qwertzuiop123",
    "bearer": "qwertz0123456789uiop",
}
LINE_OF_KEY = "MIIEowQwErTzUiOpAsDf"
PRIVATE_KEY = f"-----BEGIN PRIVATE {'KEY'}-----\n{LINE_OF_KEY}\n-----END PRIVATE {'KEY'}-----"
IN_PLACES = {f"place-{number}-hunter": number for number in range(5)}

SECRETS = [
    *(value for named in NAMED.values() for value in named.values()),
    *FORMED.values(),
    LINE_OF_KEY,
    *IN_PLACES,
]


def files_with(folder: Path, text: str) -> list[str]:
    """The files of a folder in which a text stands."""
    files = (Path(parent) / name for parent, _, names in os.walk(folder) for name in names)
    return [str(file.relative_to(folder)) for file in files if text.encode() in file.read_bytes()]


def note(text: str) -> str:
    """A note with all forms in the midst of prose."""
    bearer = FORMED["bearer"]
    rest = [secret for name, secret in FORMED.items() if name != "bearer"]
    return f"# {text}\n\nAuthorization: Bearer {bearer}\n\n{PRIVATE_KEY}\n\n" + ", ".join(rest)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder to which a run was logged with secrets by every door."""
    work = tmp_path / "work"
    in_url, in_query, in_remote, in_tag, in_variable = IN_PLACES
    for name, value in NAMED["variables"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATA_URL", f"postgresql://ann:{in_variable}@db/{HARMLESS}")
    options = [word for pair in NAMED["options"].items() for word in pair]
    monkeypatch.setattr("sys.argv", ["fit.py", *options, f"--note={FORMED['github']}", HARMLESS])
    monkeypatch.chdir(work)
    git = ["git", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    remote = f"https://ann:{in_remote}@example.org/{HARMLESS}.git"
    subprocess.run([*git, "remote", "add", "origin", remote], check=True)

    project = Project(work, capture_variables=[*NAMED["variables"], "DATA_URL"])
    with project.start_run(
        params=NAMED["params"] | FORMED | {"bearer": f"Bearer {FORMED['bearer']}"},
        tags=NAMED["tags"] | {"origin": f"s3://ann:{in_tag}@bucket"},
        note=note("first"),
    ) as run:
        run.log_param("plain", HARMLESS)
        run.log_param("data", f"https://ann:{in_url}@example.org/data.csv")
        run.log_param("query", f"https://example.org/?page=2&token={in_query}")
        run.set_tag("key", PRIVATE_KEY)
        run.set_note(note("second"))
    for name, value in NAMED["later"].items():
        project.runs.tag(run.id, name, value)
    project.runs.note(run.id, note("third"))
    project.runs.delete(run.id, reason="an example")
    project.runs.restore(run.id)
    project.close()
    return project.folder


def test_forty_secrets_are_planted() -> None:
    assert len(SECRETS) == len(set(SECRETS)) == 40


def test_no_secret_is_found_in_any_byte_of_the_project(folder: Path) -> None:
    found = {secret: files_with(folder, secret) for secret in SECRETS}
    assert {secret: files for secret, files in found.items() if files} == {}


def test_what_is_no_secret_came_in_by_every_door(folder: Path) -> None:
    assert files_with(folder, HARMLESS) != []
    project = Project(folder)
    run = project.runs.get(project.runs.page()[0].id)
    assert run.params["plain"] == HARMLESS
    assert {run.params["password"], run.tags["refresh_token"]} == {"[masked]"}
    assert run.params["data"] == "https://[masked]@example.org/data.csv"
    assert run.note is not None
    assert run.note.startswith(
        "# third\n\nAuthorization: Bearer [masked]\n\n[masked]\n\n[masked], "
    )
    assert run.source["argv"][1:3] == ["--api-key", "[masked]"]
    assert run.source["argv"][-1] == HARMLESS
    assert (
        run.source["variables"].items()
        >= {
            "DATA_URL": f"postgresql://[masked]@db/{HARMLESS}",
            "HF_TOKEN": "[masked]",
        }.items()
    )
    assert run.source["git"]["remote"] == f"https://example.org/{HARMLESS}.git"
    project.close()


def test_a_secret_in_a_reason_is_masked(project: Project) -> None:
    with project.start_run() as run:
        pass
    project.runs.delete(run.id, reason=f"leaked {FORMED['github']}")
    project.close()
    assert files_with(project.folder, FORMED["github"]) == []
