"""Why a model file is not loaded: it needs trust, it is refused whatever is trusted, or unreadable.

What reads a file raises these with a clause ("it uses extension codes"); `told` makes sentences of
them that name the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lite_mlops.errors import Denied, Invalid

_SHOWN = 8  # names in one message


class UnreadableModel(Invalid):
    """The bytes are no model file, or not a whole one."""


class RefusedModel(Denied):
    """The file holds what no model file needs, or is larger than allowed; trust does not help."""


class Untrusted(Denied):
    """The file would import what is not on the list and was not confirmed by the owner."""

    def __init__(self, clause: str, imports: Sequence[str] = ()) -> None:
        super().__init__(clause)
        self.imports = tuple(imports)


def needs_trust(imports: Sequence[str]) -> Untrusted:
    """Return the refusal of a file that would import these 'module:name' texts."""
    shown = ", ".join(name[:120] for name in imports[:_SHOWN])
    more = f" and {len(imports) - _SHOWN} more" if len(imports) > _SHOWN else ""
    return Untrusted(
        f"it would import what is not known to be safe: {shown}{more}. Whoever trusts these names "
        "can say so when the model is registered, or pass them as `trusted`",
        imports,
    )


@contextmanager
def told(referrer: str) -> Iterator[None]:
    """Have the refusals raised inside name the file that they are about."""
    try:
        yield
    except Untrusted as error:
        raise Untrusted(f"The file of {referrer} was not loaded: {error}.", error.imports) from None
    except (UnreadableModel, RefusedModel) as error:
        told_as = type(error)(f"The file of {referrer} was not loaded: {error}.")
        raise told_as from error.__cause__
