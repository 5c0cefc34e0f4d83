"""The code of a run: git commit, branch, remote without credentials, and uncommitted changes.

Git is only asked, never told to do anything, and optional locks are off, so that not even its index
is refreshed. What was captured is used again for some seconds: many short runs ask once.
"""

from __future__ import annotations

import logging
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lite_mlops.security import mask_text

log = logging.getLogger("lite_mlops")

MAX_DIFF = 10_000_000  # characters
_GIT_SECONDS = 5.0
_FRESH_SECONDS = 2.0
_CREDENTIALS = re.compile(r"(?<=://)[^/]*@")
# So that the diff can be applied, whatever the user's settings of git say.
_PLAIN = (
    *("--binary", "--no-color", "--no-ext-diff", "--no-textconv"),
    *("--src-prefix=a/", "--dst-prefix=b/"),
)


@dataclass(frozen=True)
class Code:
    """The state of the code in a working directory."""

    commit: str | None
    branch: str | None
    remote: str | None
    root: str
    diff: str  # uncommitted changes of tracked files
    untracked: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return what is recorded with the run itself; the diff is an artifact of its own."""
        return {
            "commit": self.commit,
            "branch": self.branch,
            "remote": self.remote,
            "dirty": bool(self.diff),
            "untracked": list(self.untracked[:100]),
        }


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints, or None if it says no or does not answer in time."""
    import subprocess  # only a process that starts runs needs it

    untouched = ("--no-optional-locks", "-c", "diff.autoRefreshIndex=false")
    command = ["git", *untouched, "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=_GIT_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.debug("git %s: %s", arguments[0], error)
        return None
    return done.stdout.decode("utf-8", errors="replace") if done.returncode == 0 else None


def capture_code(folder: Path) -> Code | None:
    """Return the state of the code around `folder`; None outside of git, or without it."""
    if shutil.which("git") is None or not _in_repository(folder):
        return None
    where = _git(folder, "rev-parse", "--show-toplevel")
    if where is None:
        return None
    head = (_git(folder, "rev-parse", "HEAD") or "").strip()
    branch = (_git(folder, "symbolic-ref", "--short", "--quiet", "HEAD") or "").strip()
    remote = (_git(folder, "config", "--get", "remote.origin.url") or "").strip()
    root = where.strip()
    changes = _git(Path(root), "diff", *_PLAIN, "HEAD" if head else "--cached") or ""
    if len(changes) > MAX_DIFF:
        changes = f"{changes[:MAX_DIFF]}\n[cut: {len(changes):,} characters of changes]\n"
    untracked = _git(Path(root), "ls-files", "--others", "--exclude-standard", "-z") or ""
    return Code(
        commit=head or None,
        branch=branch or None,
        remote=mask_text(_CREDENTIALS.sub("", remote)) or None,
        root=root,
        diff=changes,
        untracked=tuple(name for name in untracked.split("\0") if name),
    )


def _in_repository(folder: Path) -> bool:
    """Return whether a `.git` lies above; saves starting git where there is no repository."""
    return any((parent / ".git").exists() for parent in (folder, *folder.parents))


class CodeCapture:
    """Captures the code of a folder, at most once in some seconds."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[float, Code | None]] = {}

    def __call__(self, folder: Path) -> Code | None:
        """Return the state of the code around `folder`."""
        moment, code = self._known.get(folder, (float("-inf"), None))
        if time.monotonic() - moment > _FRESH_SECONDS:
            code = capture_code(folder)
            self._known[folder] = (time.monotonic(), code)
        return code
