"""What commands that ask a model take: a reference into the project, or a bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import click

from lite_mlops.cli.commands import open_project

if TYPE_CHECKING:
    from lite_mlops.models import ModelVersion
    from lite_mlops.project import Project

F = TypeVar("F", bound=Callable[..., Any])
Trust: TypeAlias = tuple[str, ...] | bool  # names, or all of them


class Asked(NamedTuple):
    """A version with its loaded model; the project is None for that of a bundle."""

    version: ModelVersion
    model: Any
    project: Project | None


strict_option = click.option(
    "--strict",
    is_flag=True,
    help="Refuse it if Python or a package has another version than at registration.",
)


trust_option = click.option(
    "--trust",
    multiple=True,
    metavar="MODULE:NAME",
    help="What its file may import beyond the shipped list; again for more.",
)


def trust_options(command: F) -> F:
    """Give a command `--trust` and `--trust-all`, for `chosen_trust`."""
    command = click.option(
        "--trust-all", is_flag=True, help="Trust all that its file would import."
    )(command)
    return trust_option(command)


def chosen_trust(names: tuple[str, ...], everything: bool) -> Trust:  # noqa: FBT001
    """Return what is trusted, as `Bundle.load` takes it."""
    return True if everything else names


def refuse_trust(trust: Trust) -> None:
    """Do nothing if nothing is trusted for a registered version. Raises `click.UsageError`."""
    if trust:
        raise click.UsageError(
            "--trust is for bundles; `lite-mlops models trust` confirms what a registered version "
            "imports."
        )


def asked_model(reference: str, trust: Trust, *, strict: bool = False) -> Asked:
    """Return the model that a command is given, loaded after its file was proved.

    Raises:
        Invalid, NotFound: it names no version and no bundle.
        Damaged, Denied: its file is not what was written, imports what is not trusted, is not
            signed as the project needs it, or versions of packages differ with `strict`.
    """
    from lite_mlops.models import Bundle, is_bundle, open_version

    if is_bundle(reference):
        with Bundle.open_file(Path(reference)) as bundle:
            return Asked(bundle.version, bundle.load(trust=trust, strict=strict), None)
    refuse_trust(trust)
    project = open_project()
    version = project.models.get(reference)
    model = open_version(project.store.objects, version, project.settings, strict=strict)
    return Asked(version, model, project)
