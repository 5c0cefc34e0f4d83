"""`lite-mlops models register|inspect|trust|sign|verify`: files of versions, and who vouches."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.model_source import trust_option, trust_options
from lite_mlops.cli.output import as_option, emit, facts, heading, say, size, table, tell, when
from lite_mlops.cli.runs import reason_option
from lite_mlops.errors import Denied

if TYPE_CHECKING:
    from lite_mlops.models import Inspection


def confirmed(
    needed: Sequence[str],
    trust: Sequence[str],
    *,
    everything: bool,
    what: str,
) -> tuple[str, ...]:
    """Return which of the imports that a file needs the owner confirms, asking on a terminal.

    Raises:
        Denied: some are not confirmed, and there is nobody to ask.
    """
    if everything:
        return tuple(needed)
    missing = [name for name in needed if name not in trust]
    if not missing:
        return tuple(name for name in needed if name in trust)
    listed = "\n".join(f"    {name}" for name in missing)
    if not sys.stdin.isatty():
        raise Denied(
            f"{what} imports what is not on the shipped list:\n{listed}\nIf you know and trust it, "
            "confirm it with --trust MODULE:NAME or --trust-all. Nothing of it was loaded."
        )
    say(f"{what} imports what is not on the shipped list:\n{listed}")
    click.confirm("Loading it can run this code. Do you know and trust it?", abort=True)
    return tuple(needed)


@click.command("register")
@click.argument("source")
@click.argument("model")
@click.option("--alias", help="Have this alias point to it at once.")
@trust_options
@reason_option
@as_option
def register_model(
    source: str,
    model: str,
    alias: str | None,
    trust: tuple[str, ...],
    trust_all: bool,  # noqa: FBT001
    reason: str | None,
    form: str | None,
) -> None:
    """Register SOURCE as the next version of MODEL.

    SOURCE is a model file, what a run kept (runs:/6ba7b810/model), or a version (churn/3), which
    then has a second name. What a file imports beyond scikit-learn, NumPy, SciPy and pandas is
    shown, and confirmed once.
    """
    project = open_project(must_exist=False)
    path = Path(source)
    if path.is_file():
        from lite_mlops.models import inspect_model

        found = inspect_model(path.read_bytes(), limit=project.settings.model_bytes)
        names = confirmed(found.needs_trust, trust, everything=trust_all, what=source)
        version = project.models.register_file(path, model, trust=names, alias=alias, reason=reason)
    else:
        needed = project.required().models.needs(source)
        names = confirmed(needed, trust, everything=trust_all, what=source)
        version = project.models.register_kept(
            source, model, trust=names, alias=alias, reason=reason
        )
    text = f"Registered {version.name}" + (f", which is {model}@{alias}." if alias else ".")
    tell(text, version.to_dict(), form)


@click.command("inspect")
@click.argument("source")
@as_option
def inspect_source(source: str, form: str | None) -> None:
    """Show what a model file would import.

    Nothing of it is loaded. SOURCE is a file, or a version such as churn@champion.
    """
    trusted: tuple[str, ...] = ()
    if Path(source).is_file():
        from lite_mlops.models import inspect_model

        found = inspect_model(Path(source).read_bytes())
    else:
        models = open_project().models
        trusted = models.get(source).trusted
        found = models.inspect(source)
    if form:
        emit(found.to_dict() | {"trusted": list(trusted)}, form)
        return
    _print_inspection(found, trusted)


def _print_inspection(found: Inspection, trusted: Sequence[str]) -> None:
    packed = f", {found.compression} of {size(found.unpacked_size)}" if found.compression else ""
    facts(
        {
            "format": found.format,
            "size": size(found.size) + packed,
            "imports": f"{len(found.imports):,}, of which {len(found.shipped):,} are on the "
            "shipped list",
        }
    )
    if found.needs_trust:
        heading("imports beyond the shipped list")
        rows = [(name, "confirmed" if name in trusted else "") for name in found.needs_trust]
        table(rows, ("import", ""), give=("import",))
        say("\nIt is loaded only if each of these was confirmed.")
    else:
        say("\nIt needs nothing that has to be confirmed.")


@click.command("trust")
@click.argument("reference")
@trust_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@reason_option
@as_option
def trust_version(
    reference: str,
    trust: tuple[str, ...],
    yes: bool,  # noqa: FBT001
    reason: str | None,
    form: str | None,
) -> None:
    """Confirm what a version imports.

    That is what its file needs beyond the shipped list of scikit-learn, NumPy, SciPy and pandas.
    """
    models = open_project().models
    needed = models.needs(reference)
    if not needed and not trust:
        record = models.get(reference).to_dict()
        tell(f"{reference} needs nothing that is not confirmed.", record, form)
        return
    names = trust or confirmed(needed, (), everything=yes, what=reference)
    version = models.trust(reference, names, reason=reason)
    tell(f"{version.name} may import {', '.join(names)}.", version.to_dict(), form)


@click.command("sign")
@click.argument("reference")
@click.option("--key", type=click.Path(path_type=Path), help="The file of the private key.")
@click.option("--make-key", is_flag=True, help="Make the key if there is none.")
@reason_option
@as_option
def sign_version(
    reference: str,
    key: Path | None,
    make_key: bool,  # noqa: FBT001
    reason: str | None,
    form: str | None,
) -> None:
    """Sign a version with a private key.

    Whoever signs vouches for its content (Ed25519).
    The setting signed_by lists the public keys without which a project loads nothing.
    """
    from lite_mlops.security import signing

    models = open_project().models
    path = signing.default_key_path() if key is None else key
    if make_key and not path.exists():
        signing.make_key(path)
        click.echo(f"Made the key {path}; whoever can read it can sign as you.", err=True)
    version = models.sign(reference, path, reason=reason)
    tell(f"{version.name} is signed by {version.seals[-1].public}.", version.to_dict(), form)


@click.command("verify")
@click.argument("reference")
@as_option
def verify_version(reference: str, form: str | None) -> None:
    """Show the good signatures of a version.

    Its file is proved by its hash as well. Exits with 1 if there is no good one.
    """
    good = open_project().models.verify(reference)
    if form:
        emit([seal.to_dict() for seal in good], form)
    elif good:
        rows = [(seal.public, when(seal.signed_at), seal.actor) for seal in good]
        table(rows, ("key", "signed", "by"), give=("key",))
    else:
        say(f"No signature of {reference} is good.")
    if not good:
        raise click.exceptions.Exit(1)
