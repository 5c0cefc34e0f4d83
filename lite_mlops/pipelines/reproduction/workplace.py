"""A fresh place to run in: the recorded commit with its uncommitted changes, and an environment.

The repository of the user is only read: it is cloned without copying its objects, and no hook runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from lite_mlops.errors import Conflict, NotFound

_GIT_SECONDS = 600
_OWN = "lite-mlops"  # comes from this very installation, of whatever version
_PIP = "pip"  # installs, and has no part in what is run


def _git(*arguments: str, entered: str | None = None) -> subprocess.CompletedProcess[str]:
    quiet = ("-c", f"core.hooksPath={os.devnull}", "-c", "advice.detachedHead=false")
    return subprocess.run(
        ["git", *quiet, *arguments],
        input=entered,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_GIT_SECONDS,
    )


def _said(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return lines[-1]


def find_repository(places: Iterable[Path], commit: str) -> Path:
    """Return the top of the first repository in or above `places` that has the commit.

    Raises:
        NotFound: git is not installed, or no repository has it.
    """
    if shutil.which("git") is None:
        raise NotFound("git is not installed; it brings the recorded commit back.")
    tops = []
    for place in dict.fromkeys(places):
        done = _git("-C", str(place), "rev-parse", "--show-toplevel")
        if done.returncode:
            continue
        top = Path(done.stdout.rstrip("\n"))
        if not _git("-C", str(top), "cat-file", "-e", f"{commit}^{{commit}}").returncode:
            return top
        tops.append(str(top))
    looked = f"not in {', '.join(dict.fromkeys(tops))}" if tops else "and there is no repository"
    raise NotFound(
        f"The commit {commit[:12]} is {looked}. Fetch it (git fetch), or name the repository that "
        "has it with --repo."
    )


def lay_out_code(repository: Path, commit: str, diff: str, target: Path) -> None:
    """Make `target` a clone at `commit` with the uncommitted changes of `diff` applied.

    Raises:
        Conflict: git refuses; its own words are in the message.
    """
    steps = [
        ("clone", "--quiet", "--shared", "--no-checkout", str(repository), str(target)),
        ("-C", str(target), "checkout", "--quiet", "--detach", commit),
    ]
    for step in steps:
        done = _git(*step)
        if done.returncode:
            raise Conflict(f"The commit {commit[:12]} cannot be laid out: {_said(done)}.")
    if diff:
        done = _git("-C", str(target), "apply", "--whitespace=nowarn", entered=diff)
        if done.returncode:
            raise Conflict(f"The recorded uncommitted changes cannot be applied: {_said(done)}.")


def find_python(version: str | None) -> str:
    """Return a Python of the recorded minor version. Raises `NotFound`."""
    minor = ".".join((version or "").split(".")[:2])
    if not minor or minor == ".".join(map(str, sys.version_info[:2])):
        return sys.executable
    found = shutil.which(f"python{minor}")
    if found is None:
        raise NotFound(
            f"The run had Python {version} and there is no python{minor} on the PATH. Install it, "
            "or leave --isolated away to run with the current one."
        )
    return found


def make_environment(target: Path, packages: Mapping[str, str], python: str) -> Path:
    """Make a virtual environment with the recorded packages; return its Python.

    Raises:
        Conflict: it cannot be made, or a package cannot be installed.
    """
    # A pip that is here can install elsewhere, which saves the seconds of installing another.
    borrowed = find_spec(_PIP) is not None
    options = ["--without-pip"] if borrowed else []
    _step([python, "-m", "venv", *options, str(target)], "The virtual environment cannot be made")
    inside = target / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    left_out = (_OWN, _PIP)
    wanted = [f"{name}=={version}" for name, version in packages.items() if name not in left_out]
    pip = [sys.executable, "-m", _PIP, "--python"] if borrowed else []
    pip += [str(inside)] if borrowed else [str(inside), "-m", _PIP]
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder) / "requirements.txt"
        listing.write_text("\n".join(wanted) + "\n", encoding="utf-8")
        # The list is complete, so nothing is resolved anew.
        told = ["--quiet", "--disable-pip-version-check", "--no-deps", "-r", str(listing)]
        _step([*pip, "install", *told], "The recorded packages cannot be installed")
    _install_ourselves(inside)
    return inside


def _step(command: Sequence[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise Conflict(f"{what}: {(lines or [_said(done)])[0].removeprefix('ERROR: ')}")


def _install_ourselves(python: Path) -> None:
    """Copy this package into an environment: it is what the recorded script logs with."""
    ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    done = subprocess.run(ask, capture_output=True, text=True, check=True)
    site = Path(done.stdout.strip())
    source = Path(__file__).parents[2]
    shutil.copytree(source, site / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    with suppress(metadata.PackageNotFoundError):  # used from a checkout, without an installation
        about = metadata.distribution(_OWN)
        info = site / f"{source.name}-{about.version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(about.read_text("METADATA") or "", encoding="utf-8")


def carry_out(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], output: Path
) -> int:
    """Run a command to its end with its output in a file; return its exit code.

    Raises:
        NotFound: it cannot be started.
    """
    with output.open("wb") as file:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise NotFound(f"{command[0]!r} cannot be started: {error.strerror}.") from None
    return done.returncode


def last_lines(output: Path, count: int = 15) -> str:
    """Return the last lines that a command printed."""
    text = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
    return "\n".join(text.splitlines()[-count:])
