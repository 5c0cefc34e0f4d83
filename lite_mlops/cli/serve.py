"""`lite-mlops serve`: model versions behind HTTP on this machine."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.model_source import chosen_trust, refuse_trust, strict_option, trust_options
from lite_mlops.cli.output import say, shown

if TYPE_CHECKING:
    from lite_mlops.web import Limits, Serving, ServingServer

_SHOWN = 200  # characters of the example


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
    trust: tuple[str, ...],
    trust_all: bool,  # noqa: FBT001
    strict: bool,  # noqa: FBT001
) -> None:
    """Serve model versions over HTTP.

    REFERENCES name them, such as churn@champion, which is followed when it moves, or churn/3; the
    first one answers where no name is given. Or it is a bundle (churn.lmz), which needs no project.

    Address it with a browser for a form to try the model.
    """
    from lite_mlops.models import is_bundle
    from lite_mlops.web import Doors, is_loopback, serve_bundle, serve_references

    doors = Doors(hosts=hosts or None, origins=origins, limits=_limits(limits))
    needed = token or not is_loopback(host)
    if any(is_bundle(reference) for reference in references):
        if len(references) > 1:
            raise click.UsageError("A bundle is served alone.")
        serving, made = serve_bundle(
            Path(references[0]),
            doors=doors,
            require_token=needed,
            trust=chosen_trust(trust, trust_all),
            strict=strict,
        )
        if made is not None:
            say(f"The token of clients, for as long as this server runs: {made}")
    else:
        refuse_trust(chosen_trust(trust, trust_all))
        serving = serve_references(
            open_project(),
            references,
            doors=doors,
            require_token=needed,
            say=say,
            inputs=inputs,
            sample=sample,
            strict=strict,
        )
    server = serving.on(port, host=host, certfile=certfile, keyfile=keyfile)
    _tell_start(serving, server, needed=needed)
    server.run()
    _tell_end(serving)


def _limits(given: tuple[str, ...]) -> Limits:
    """Return the limits with those that were given. Raises `click.BadParameter`."""
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
    return Limits(**values)


# -- what is told -------------------------------------------------------------------------------


def _tell_start(serving: Serving, server: ServingServer, *, needed: bool) -> None:
    served = serving.opened.served
    for reference, endpoint in served:
        version = endpoint.version
        follows = " and follows it" if "@" in reference else ""
        known = version.name if version.version else version.model
        alias = f" for {reference}{follows}" if reference not in (known, version.model) else ""
        say(f"Serving {known}{alias} on {server.url}")
        say(f"    It is answered by {endpoint.current.path}.")
    for line in _curl(serving, server.url, needed=needed):
        say(f"    {shown(line)}")
    say(f"    {server.url} in a browser has a form to try it; /openapi.json tells all routes.")
    if serving.opened.recording is None:
        say("Nothing is recorded: a bundle is served without a project. Ctrl-C stops.")
    else:
        say("Answers are recorded. Ctrl-C stops.")


def _curl(serving: Serving, url: str, *, needed: bool) -> Iterator[str]:
    """Give a command line that asks the first model, of its stored example or of a made-up row."""
    from lite_mlops.web import first_row

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


def _tell_end(serving: Serving) -> None:
    say(f"\nStopped. {serving.summary()}")
