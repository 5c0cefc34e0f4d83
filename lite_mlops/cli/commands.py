"""How commands are put together: one error boundary, exit codes, and near names for typos.

0  done          3  not found      6  not allowed
1  failed        4  conflict       7  stored bytes are damaged
2  wrong call    5  busy         130  interrupted

`drift` exits with 4 if data has drifted, `performance`, `estimates`, `fairness` and `monitor run`
if something fires; `gate run` with 3 if the gate does not pass.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import click

from lite_mlops.cli.output import shown
from lite_mlops.errors import (
    Busy,
    Conflict,
    Damaged,
    Denied,
    Invalid,
    LiteMlopsError,
    NotFound,
    suggestion,
)

if TYPE_CHECKING:
    from lite_mlops.project import Project

# The one place where kinds of errors become exit codes.
EXIT_CODES: dict[type[LiteMlopsError], int] = {
    Invalid: 2,
    NotFound: 3,
    Conflict: 4,
    Busy: 5,
    Denied: 6,
    Damaged: 7,
}
FAILED = 1
DRIFTED = FIRED = 4
GATED = 3
INTERRUPTED = 130


def exit_code(error: LiteMlopsError) -> int:
    """Return the exit code of an error, by its kind."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), FAILED)


class Commands(click.Group):
    """A group of commands that offers the nearest names for one that does not exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant."""
        name = args[0] if args else ""
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = suggestion(name, self.list_commands(ctx))
            ctx.fail(f"There is no command {name!r}.{near}")
        return super().resolve_command(ctx, args)


class Main(Commands):
    """The outermost group: errors of the package become a message and an exit code.

    `homes` says which commands each file of `cli` has; a file is loaded when one of them is wanted.
    """

    def __init__(self, *args: Any, homes: Mapping[str, str], **extra: Any) -> None:
        super().__init__(*args, **extra)
        self._home_of = {name: home for home, names in homes.items() for name in names.split()}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all commands."""
        return sorted(self._home_of)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command of a name; None if there is none."""
        if cmd_name not in self._home_of:
            return None
        module = import_module(f"lite_mlops.cli.{self._home_of[cmd_name]}")
        command: click.Command = getattr(
            module, f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        )
        return command

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run a command line and exit."""
        try:
            code = super().main(args, standalone_mode=False, **extra)
        except click.exceptions.Exit as done:
            code = done.exit_code
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            click.echo("Interrupted.", err=True)
            code = INTERRUPTED
        except LiteMlopsError as error:
            click.echo(f"Error: {shown(error)}", err=True)
            code = exit_code(error)
        except OSError as error:
            text = f"{error.filename}: {error.strerror}" if error.filename else error
            click.echo(f"Error: {shown(text)}.", err=True)
            code = FAILED
        except SystemExit:  # of click: `lite-mlops ... | head` has seen enough
            code = 0
        sys.exit(code if isinstance(code, int) else 0)


def open_project(*, must_exist: bool = True) -> Project:
    """Return the project that a command acts on. Raises `NotFound` if there is none."""
    from lite_mlops.project import Project

    project = Project()
    return project.required() if must_exist else project
