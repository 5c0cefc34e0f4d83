"""Why a file is not taken as a bundle; what reads it raises these with a clause about the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lite_mlops.errors import Damaged, Invalid


class NoBundle(Invalid):
    """The file is not made as bundles are."""


class ChangedBundle(Damaged):
    """It is made as one, and its bytes are not those that were written."""


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Have the refusals raised inside name the file that they are about."""
    try:
        yield
    except (NoBundle, ChangedBundle) as error:
        raise type(error)(f"{path} was not taken as a bundle: {error}.") from None
