"""The environment of a run: Python, packages, host, command line, telling variables."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

from lite_mlops.security import mask_argv, mask_value
from lite_mlops.settings import Settings, telling_variables

_DIST_INFO = re.compile(r"(.+?)-(.+)\.(?:dist-info|egg-info)")


@cache
def _packages(search_path: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for folder in search_path:
        try:
            names = os.listdir(folder or ".")
        except OSError:  # an entry of the search path need not exist
            continue
        for name in names:
            if match := _DIST_INFO.fullmatch(name):
                found.setdefault(re.sub(r"[-_.]+", "-", match[1]).lower(), match[2])
    return dict(sorted(found.items()))


def packages() -> dict[str, str]:
    """Return the installed packages and their versions, by normalised name.

    They are read from the names of the metadata folders (PyPA, "Recording installed projects"):
    a listing takes a millisecond, reading all metadata files a hundred.
    """
    return _packages(tuple(sys.path))


@cache
def _host() -> dict[str, Any]:
    import platform
    import socket

    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "host": socket.gethostname(),
        "cpus": os.cpu_count(),
    }


def describe(settings: Settings, argv: list[str] | None = None) -> dict[str, Any]:
    """Return what is recorded of the environment with a run; secrets are masked."""
    # `orig_argv` begins with the interpreter and its options: it can be run again.
    command = list(sys.orig_argv if argv is None else argv)
    variables = {
        name: mask_value(name, value, settings.mask)
        for name, value in telling_variables(settings.capture_variables).items()
    }
    return {
        **_host(),
        "argv": mask_argv(list(sys.argv) if argv is None else command, settings.mask),
        "command": mask_argv(command, settings.mask),
        "wrapped": argv is not None,
        "folder": str(Path.cwd()),
        "pid": os.getpid(),
        "variables": variables,
    }


def requirements_text() -> str:
    """Return the installed packages in the form of a requirements file."""
    return "".join(f"{name}=={version}\n" for name, version in packages().items())


def parse_requirements(text: str) -> dict[str, str]:
    """Return the packages and versions of a recorded requirements file."""
    pairs = (line.partition("==") for line in text.splitlines())
    return {name: version for name, equals, version in pairs if equals}
