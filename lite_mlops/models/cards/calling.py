"""How a version is called: ready to be copied, for Python, the command line and HTTP."""

from __future__ import annotations

import re
import shlex
from typing import Any

from lite_mlops.jsontext import json_text
from lite_mlops.models.cards.facts import CardFacts

# Written as JSON escapes, so that what is copied stays what it was.
_STEERING = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def json_line(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON that steers no terminal."""
    text = json_text(value, indent=indent)
    return _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def request_body(facts: CardFacts) -> str | None:
    """Return the input example as the body of a request; None if none was kept."""
    return None if facts.example is None else json_line({"rows": list(facts.example)}, indent=2)


def in_python(facts: CardFacts) -> str:
    """Return the lines of Python that load the model and, with an example, call it."""
    lines = [
        "from lite_mlops import Project",
        "",
        f"endpoint = Project().endpoint({facts.name!r})",
    ]
    if facts.example is not None:
        # JSON in a text, as `null` is not Python.
        rows = json_line(list(facts.example))
        lines.insert(0, "import json\n")
        lines += [f"rows = json.loads({rows!r})", "endpoint.predict(rows)"]
    return "\n".join(lines)


def on_the_command_line(facts: CardFacts) -> str:
    """Return the command that serves the version."""
    return f"lite-mlops serve {shlex.quote(facts.name)} --port 8000"


def over_http(facts: CardFacts) -> str:
    """Return the requests that ask what it takes and, with an example, for predictions."""
    lines = ["curl http://127.0.0.1:8000/schema"]
    if facts.example is not None:
        body = json_line({"rows": list(facts.example)})
        lines.append(f"curl http://127.0.0.1:8000/predict --json {shlex.quote(body)}")
    return "\n".join(lines)
