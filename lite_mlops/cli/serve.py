"""`lite-mlops serve`: model versions behind HTTP on this machine."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.model_source import chosen_trust, refuse_trust, strict_option, trust_options
from lite_mlops.cli.output import say
from lite_mlops.cli.serve_workers import supervised, token_told
from lite_mlops.settings import load_settings

if TYPE_CHECKING:
    from lite_mlops.project import Project
    from lite_mlops.web import Asked, Tally


@click.command()
@click.argument("references", nargs=-1, required=True)
@click.option("-p", "--port", default=8000, show_default=True, help="0 takes a free one.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Another one needs tokens of clients."
)
@click.option("--token", is_flag=True, help="Clients need a token here, too: lite-mlops tokens.")
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name that clients may address it by; again for more.",
)
@click.option(
    "--cors",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Pages that may ask, such as https://shop.example; again for more.",
)
@click.option("--certfile", type=click.Path(path_type=Path), help="A certificate, to speak TLS.")
@click.option("--keyfile", type=click.Path(path_type=Path), help="Its key.")
@click.option(
    "--log-inputs",
    "inputs",
    type=click.Choice(["full", "hash", "none"]),
    default="full",
    show_default=True,
    help="What is recorded of rows; `hash` makes pseudonyms.",
)
@click.option(
    "--log-sample",
    "sample",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="The share of requests that is recorded.",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=VALUE",
    help="Another limit, such as body_bytes=50000000; `--limit help` tells all.",
)
@click.option(
    "--workers",
    metavar="N|MIN..MAX|auto",
    help="Processes that answer: a number, or as many as the load needs between bounds; `auto` is "
    "from 1 to the number of processors.  [default: the setting workers, 1]",
)
@click.option("--loop", is_flag=True, help="Take the loops of the project further meanwhile.")
@click.option(
    "--canary",
    metavar="VERSION=SHARE",
    help="A version that gets a share of the requests, such as churn/4=10%.",
)
@click.option(
    "--canary-key", metavar="COLUMN", help="The column by which requests stay with a version."
)
@click.option(
    "--shadow",
    "shadows",
    multiple=True,
    metavar="VERSION",
    help="A version that is asked as well, only to compare; again for more.",
)
@trust_options
@strict_option
def serve(
    references: tuple[str, ...],
    port: int,
    host: str,
    token: bool,  # noqa: FBT001
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    certfile: Path | None,
    keyfile: Path | None,
    inputs: Any,
    sample: float,
    limits: tuple[str, ...],
    canary: str | None,
    canary_key: str | None,
    shadows: tuple[str, ...],
    workers: str | None,
    loop: bool,  # noqa: FBT001
    trust: tuple[str, ...],
    trust_all: bool,  # noqa: FBT001
    strict: bool,  # noqa: FBT001
) -> None:
    """Serve model versions over HTTP.

    REFERENCES name them, such as churn@champion, which is followed when it moves, or churn/3; the
    first one answers where no name is given. Or it is a bundle (churn.lmz), which needs no project.

    Address it with a browser for a form to try the model.
    """
    from lite_mlops.web import Asked, Bounds, is_loopback

    needed = token or not is_loopback(host)
    bundle = _is_bundle(references)
    project = None if bundle else open_project()
    options: dict[str, Any] = {"strict": strict}
    decided: dict[str, Any] = {}
    if bundle:
        options["trust"] = chosen_trust(trust, trust_all)
        if canary or canary_key or shadows:
            raise click.UsageError("Beside a bundle nothing can be tried: that takes a project.")
        if loop:
            raise click.UsageError("A bundle has no loops: they take a project.")
    else:
        refuse_trust(chosen_trust(trust, trust_all))
        options |= {"inputs": inputs, "sample": sample, "loop": loop}
        decided = {"canary": canary, "canary_key": canary_key, "shadow": shadows}
    settings = load_settings(Path(), {}) if project is None else project.settings
    asked = Asked(
        references=references,
        project=None if project is None else str(project.folder),
        host=host,
        certfile=None if certfile is None else str(certfile),
        keyfile=None if keyfile is None else str(keyfile),
        hosts=hosts or None,
        origins=origins,
        limits=_limits(limits),
        require_token=needed,
        options=options,
        decided=decided,
    )
    bounds = Bounds.parse(workers or settings.workers)
    if bounds.most > 1:
        tally = supervised(asked, port, bounds, project)
    else:
        tally = _alone(asked, port, project)
    say(f"\nStopped. {tally}")


def _is_bundle(references: tuple[str, ...]) -> bool:
    """Return whether a bundle is to be served. Raises `click.UsageError` if it is not alone."""
    if not any(reference.endswith(".lmz") for reference in references):
        return False  # at once: who supervises workers does not load what models need
    from lite_mlops.models import is_bundle

    if any(map(is_bundle, references)) and len(references) > 1:
        raise click.UsageError("A bundle is served alone.")
    return is_bundle(references[0])


def _alone(asked: Asked, port: int, project: Project | None) -> Tally:
    """Serve in this process."""
    from lite_mlops.web import Doors, Limits, serve_bundle, serve_references, start_lines

    doors = Doors(hosts=asked.hosts, origins=asked.origins, limits=Limits(**asked.limits))
    if project is None:
        path = Path(asked.references[0])
        serving, made = serve_bundle(
            path, doors=doors, require_token=asked.require_token, **asked.options
        )
        if made is not None:
            say(token_told(made))
    else:
        serving = serve_references(
            project,
            asked.references,
            doors=doors,
            require_token=asked.require_token,
            say=say,
            **asked.options,
            **asked.decided,
        )
    server = serving.on(port, host=asked.host, certfile=asked.certfile, keyfile=asked.keyfile)
    for line in start_lines(serving, server.url, needed=asked.require_token):
        say(line)
    server.run()
    return serving.tally()


def _limits(given: tuple[str, ...]) -> dict[str, Any]:
    """Return the limits that were given. Raises `click.BadParameter`."""
    from lite_mlops.web import Limits

    known: dict[str, Any] = dataclasses.asdict(Limits())
    values: dict[str, Any] = {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in known:
            told = ", ".join(f"{known_name}={usual}" for known_name, usual in known.items())
            raise click.BadParameter(f"the limits are {told}.", param_hint="--limit")
        try:
            values[name] = type(known[name])(value)
        except ValueError:
            raise click.BadParameter(
                f"{name} is {value!r}; expected a number.", param_hint="--limit"
            ) from None
        if not values[name] > 0:
            raise click.BadParameter(f"{name} has to be more than 0.", param_hint="--limit")
    return values
