"""A page of runs: a sequence of runs that also turns into a table.

page = project.runs.search("metrics.auc > 0.9", order_by=["metrics.auc DESC"])
page[0].params, len(page), page.to_pandas()
project.runs.search(..., page_token=page.next_page_token)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from lite_mlops.frames import Column, Tabular
from lite_mlops.htmltext import html_table
from lite_mlops.tracking.search.fields import Field
from lite_mlops.tracking.values import Metric, Run

SHOWN = 20  # in a repr or a notebook


T = TypeVar("T")


@dataclass(frozen=True, repr=False)
class Page(Tabular, Sequence[T]):
    """What a search found, in the order that was asked for."""

    items: tuple[T, ...]
    next_page_token: str | None = None

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[T, ...]: ...
    def __getitem__(self, place: int | slice) -> T | tuple[T, ...]:
        return self.items[place]

    def told(self, one: str, line: Callable[[T], str]) -> str:
        """Return a text with a line for each of the first; `one` is what one is called."""
        count = f"{len(self)} {one}{'' if len(self) == 1 else 's'}"
        more = ", more with next_page_token" * bool(self.next_page_token)
        lines = [f"<{type(self).__name__}: {count}{more}>"]
        lines += [f"  {line(item)}" for item in self.items[:SHOWN]]
        if len(self) > SHOWN:
            lines.append(f"  ... and {len(self) - SHOWN} more")
        return "\n".join(lines)


@dataclass(frozen=True, repr=False)
class RunPage(Page[Run]):
    """Runs; `fields` are those the question spoke of."""

    fields: tuple[Field, ...] = ()

    def asked_columns(self) -> list[str]:
        """Return the metrics, params and tags that the question spoke of: metrics.auc, ..."""
        return [f"{field.part}.{field.key}" for field in self.fields if field.part != "attributes"]

    def asked_of(self, run: Run) -> dict[str, object]:
        """Return what a run has of these; None where it has nothing."""
        found: dict[str, object] = {}
        for field in self.fields:
            if field.part != "attributes":
                value = getattr(run, field.part).get(field.key)
                value = value.value if isinstance(value, Metric) else value
                found[f"{field.part}.{field.key}"] = value
        return found

    def __repr__(self) -> str:
        def line(run: Run) -> str:
            values = "".join(f"  {name}={value}" for name, value in self.asked_of(run).items())
            return f"{run.id}  {run.name}  {run.status}{values}"

        return self.told("run", line)

    def _repr_html_(self) -> str:
        columns = ["run_id", "name", "experiment", "status", "started"]
        some = self.items[:SHOWN]
        rows = [
            [run.id, run.name, run.experiment, run.status, f"{run.started_at:%Y-%m-%d %H:%M} UTC"]
            + ["" if value is None else value for value in self.asked_of(run).values()]
            for run in some
        ]
        return html_table(repr(self).splitlines()[0][1:-1], [*columns, *self.asked_columns()], rows)

    # -- as a table -----------------------------------------------------------------------------

    def tabular(self) -> dict[str, Column]:
        """Return the table by columns: attributes, then params.*, metrics.* and tags.*."""
        runs = self.items
        found = {
            "run_id": Column("text", [run.id for run in runs]),
            "name": Column("text", [run.name for run in runs]),
            "experiment": Column("text", [run.experiment for run in runs]),
            "status": Column("text", [run.status for run in runs]),
            "actor": Column("text", [run.actor for run in runs]),
            "start_time": Column("time", [run.started_at for run in runs]),
            "end_time": Column("time", [run.ended_at for run in runs]),
            "duration": Column("number", [run.seconds for run in runs]),
            "parent": Column("text", [run.parent_id for run in runs]),
            "note": Column("text", [run.note for run in runs]),
        }
        for key in sorted({key for run in runs for key in run.params}):
            found[f"params.{key}"] = Column("text", [run.params.get(key) for run in runs])
        for key in sorted({key for run in runs for key in run.metrics}):
            metrics = [run.metrics.get(key) for run in runs]
            values = [None if metric is None else metric.value for metric in metrics]
            found[f"metrics.{key}"] = Column("number", values)
        for key in sorted({key for run in runs for key in run.tags}):
            found[f"tags.{key}"] = Column("text", [run.tags.get(key) for run in runs])
        return found

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return a dictionary a run, all with the same names; None where it has no value."""
        columns = self.tabular()
        rows = zip(*(column.values for column in columns.values()), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in rows]
