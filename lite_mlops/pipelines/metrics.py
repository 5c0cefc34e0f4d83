"""Metrics that a command wrote into a file, as metrics of its run.

read_metrics(Path("metrics.json"))   # {"accuracy": 0.91, "loss.train": 0.2}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.pipelines.cache import read_params


def read_metrics(path: Path) -> dict[str, float]:
    """Return the numbers of a JSON, YAML or TOML file; those inside of others have dotted names.

    Raises:
        Invalid: it cannot be read, or holds no table of names and values.
    """
    content = read_params(path)
    if not isinstance(content, Mapping):
        raise Invalid(f"{path} holds no metrics: it is no table of names and numbers.")
    return dict(_numbers(content, ""))


def _numbers(content: Mapping[Any, Any], below: str) -> Iterator[tuple[str, float]]:
    for key, value in content.items():
        name = f"{below}{key}"
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield name, value
