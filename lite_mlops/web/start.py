"""What a server tells when it starts: what it serves, where, and a command line that asks it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from lite_mlops.web.pages import first_row
from lite_mlops.web.serving import Serving

_SHOWN = 200  # characters of the example


def start_lines(serving: Serving, url: str, *, needed: bool) -> list[str]:
    """Return the lines; `needed` says whether clients need a token."""
    return list(_lines(serving, url, needed=needed))


def _lines(serving: Serving, url: str, *, needed: bool) -> Iterator[str]:
    for reference, endpoint in serving.opened.served:
        version = endpoint.version
        follows = " and follows it" if "@" in reference else ""
        known = version.name if version.version else version.model
        alias = f" for {reference}{follows}" if reference not in (known, version.model) else ""
        yield f"Serving {known}{alias} on {url}"
        yield f"    It is answered by {endpoint.current.path}."
    for line in _curl(serving, url, needed=needed):
        yield f"    {line}"
    yield f"    {url} in a browser has a form to try it; /openapi.json tells all routes."
    if serving.opened.recording is None:
        yield "Nothing is recorded: a bundle is served without a project. Ctrl-C stops."
    else:
        yield "Answers are recorded. Ctrl-C stops."


def _curl(serving: Serving, url: str, *, needed: bool) -> Iterator[str]:
    """Give a command line that asks the first model, of its stored example or of a made-up row."""
    version = serving.opened.served.default.version
    row = first_row(version.signature, serving.opened.example(version))
    if row is None:
        return
    body = json.dumps(row if isinstance(row, dict) else [row], ensure_ascii=False)
    header = " -H 'Authorization: Bearer TOKEN'" if needed else ""
    if len(body) <= _SHOWN:
        yield f"curl {url}/predict{header} --json {shlex.quote(body)}"
    else:
        yield f"curl -s {url}/example{header} | curl {url}/predict{header} --json @-"
