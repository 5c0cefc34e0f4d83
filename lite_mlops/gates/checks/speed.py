"""Speed and size: how long a candidate takes here, and how much memory and disk.

    measure_latency(asking, table, batch_rows=10_000)
    judge_latency(latency, current, one_row_ms=5)

Times are of this machine at this moment. The candidate and the present version are asked in turns,
so that `times`, their ratio, means the same on any machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from lite_mlops.errors import Damaged, Denied, Invalid, LiteMlopsError, NotFound
from lite_mlops.gates.case import Case, Unanswered, asked
from lite_mlops.gates.definition import Check
from lite_mlops.gates.verdicts import Found, cannot_tell, failed, met
from lite_mlops.models import Asking, Example, Models, ModelVersion, Table, open_asking
from lite_mlops.settings import load_settings
from lite_mlops.store import Store, open_store

ROWS = 200  # that are asked one by one
TURNS = 5  # of a batch
WARM_UP = 20
_MB = 1 << 20
_CHILD_SECONDS = 300


@dataclass(frozen=True)
class Latency:
    """How long a version takes, in milliseconds.

    Attributes:
        one_row_ms: Of single rows, what 95 of 100 take.
        median_ms: Of single rows, the median.
        batch_ms: A batch, the quickest of some turns: the others tell of the machine.
        batch_rows: The rows of a batch.
    """

    one_row_ms: float
    median_ms: float
    batch_ms: float
    batch_rows: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return dict(vars(self))


# -- pure -----------------------------------------------------------------------------------------


def judge_latency(
    latency: Latency,
    current: Latency | None,
    *,
    one_row_ms: float | None = None,
    batch_ms: float | None = None,
    times: float | None = None,
) -> Found:
    """Return whether a candidate is quick enough.

    Args:
        latency: Of the candidate.
        current: Of the version that it may replace.
        one_row_ms: What 95 of 100 single rows may take.
        batch_ms: What a batch may take.
        times: How many times as long as the present version a single row (by the medians), and a
            batch, may take.
    """
    evidence = {"candidate": latency.to_dict()}
    if current is not None:
        evidence["current"] = current.to_dict()
    batch = f"a batch of {latency.batch_rows:,}"
    text = (
        f"95 of 100 single rows take {latency.one_row_ms:.3g} ms, {batch} {latency.batch_ms:.3g} ms"
    )
    if current is not None:
        text += f" (before: {current.one_row_ms:.3g} ms, {current.batch_ms:.3g} ms)"
    slow = []
    if one_row_ms is not None and latency.one_row_ms > one_row_ms:
        slow.append(f"{one_row_ms:g} ms are allowed for a row")
    if batch_ms is not None and latency.batch_ms > batch_ms:
        slow.append(f"{batch_ms:g} ms are allowed for {batch}")
    if times is not None and current is not None:
        ratios = (
            latency.median_ms / current.median_ms,
            latency.batch_ms / current.batch_ms,
        )
        evidence["ratios"] = {"one_row": ratios[0], "batch": ratios[1]}
        if max(ratios) > times:
            slow.append(f"{times:g} times the present version is allowed")
    reason = f"{text}; {', '.join(slow)}." if slow else f"{text}."
    return met(not slow, reason, value=latency.one_row_ms, limit=one_row_ms, evidence=evidence)


def judge_megabytes(what: str, found: int, *, at_most_mb: float) -> Found:
    """Return whether something takes no more than so many megabytes (of 1,048,576 bytes)."""
    value = found / _MB
    reason = f"{what} {value:.3g} MB; at most {at_most_mb:g} are allowed."
    return met(value <= at_most_mb, reason, value=value, limit=at_most_mb)


# -- gathering ------------------------------------------------------------------------------------


def _repeated(table: Table, rows: int) -> Table:
    """Return a table of so many rows: those that there are, again and again."""
    copies = -(-rows // len(table))
    return Table.joined([table] * copies).part(0, rows)


def measure_latency(
    askings: Sequence[Asking], tables: Sequence[Table], *, batch_rows: int, rows: int = ROWS
) -> list[Latency]:
    """Return how long versions take, each asked the same rows in turns with the others."""
    count = min(rows, *map(len, tables))
    singles = [[table.part(place, place + 1) for place in range(count)] for table in tables]
    batches = [[_repeated(table, batch_rows)] * TURNS for table in tables]
    ones = _in_turns(askings, singles, warm_up=WARM_UP)
    many = _in_turns(askings, batches, warm_up=1)
    return [
        Latency(float(np.quantile(one, 0.95)), median(one), min(batch), batch_rows)
        for one, batch in zip(ones, many, strict=True)
    ]


def _in_turns(
    askings: Sequence[Asking], asked: Sequence[Sequence[Table]], *, warm_up: int
) -> list[list[float]]:
    """Return how long each took for each of its tables, in milliseconds; the first ones twice."""
    found: list[list[float]] = [[] for _ in askings]
    turns = list(zip(*asked, strict=True))
    for number, tables in enumerate([*turns[:warm_up], *turns]):
        for asking, table, times in zip(askings, tables, found, strict=True):
            begin = time.perf_counter()
            asking.ask_checked(table)
            if number >= min(warm_up, len(turns)):
                times.append(1000 * (time.perf_counter() - begin))
    return found


def check_latency(case: Case, check: Check) -> Found:
    """Return whether the candidate is quick enough, measured here."""
    given = case.example_columns(None)
    try:
        tables = [case.signature.validate(given, ignore_unknown=True)]
    except Invalid as error:
        raise Unanswered(f"{case.candidate.name} cannot answer the data: {error}") from None
    if not len(tables[0]):
        return cannot_tell("There are no rows to ask on.")
    case.answers(tables[0])  # what it cannot answer is told before anything is measured
    askings, why = [case.asking], None
    if case.current is not None:
        try:
            assert case.asking_current is not None
            table = case.current.signature.validate(given, ignore_unknown=True)
            asked(case.asking_current, table)
        except (Invalid, Damaged, Denied) as error:
            why = f"{case.current.name} cannot answer the data: {error}"
        else:
            tables.append(table)
            askings.append(case.asking_current)
    found = measure_latency(askings, tables, batch_rows=check["batch_rows"])
    if check["times"] is not None and why is not None:
        return cannot_tell(f"There is nothing to compare with: {why}")
    return judge_latency(
        found[0],
        found[1] if len(found) > 1 else None,
        one_row_ms=check["one_row_ms"],
        batch_ms=check["batch_ms"],
        times=check["times"],
    )


def check_size(case: Case, check: Check) -> Found:
    """Return whether the files of the candidate are small enough."""
    size = case.candidate.size + sum(one.size for one in case.candidate.members.values())
    return judge_megabytes("its files take", size, at_most_mb=check["at_most_mb"])


def check_memory(case: Case, check: Check) -> Found:
    """Return whether a process that answers with the candidate takes little enough memory.

    It is measured in a process of its own that loads nothing else: the most it ever had, with
    Python and the packages that the model needs.
    """
    folder = case.store.layout.folder
    code = "from lite_mlops.gates.checks.speed import answer_once; answer_once()"
    asked = json.dumps({"folder": str(folder), "reference": case.candidate.name})
    done = subprocess.run(
        [sys.executable, "-c", code, asked],
        capture_output=True,
        text=True,
        timeout=_CHILD_SECONDS,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return failed(f"A process that loads {case.candidate.name} failed: {last}")
    told = json.loads(done.stdout.strip().splitlines()[-1])
    what = f"a process that answers with it ({told['path']}) takes"
    return judge_megabytes(what, told["bytes"], at_most_mb=check["at_most_mb"])


def answer_once() -> None:
    """Load the version that the command line names, answer a row, and print the memory it took."""
    asked = json.loads(sys.argv[1])
    folder = Path(asked["folder"])
    store = open_store(folder, load_settings(folder.parent, {}))
    models = Models(store)
    version = models.get(asked["reference"])
    asking = open_asking(store, version, models.plan_of(version))
    with suppress(LiteMlopsError):  # it takes what no example is known of: loading it counts
        asking.ask(_some_rows(store, version))
    told = {"bytes": _most_memory(), "path": asking.path.partition(" (")[0]}
    sys.stdout.write(json.dumps(told) + "\n")


def _some_rows(store: Store, version: ModelVersion) -> list[Any]:
    """Return the input example of a version, or a row that fits. Raises `NotFound`."""
    if version.example is not None:
        return Example.from_bytes(store.objects.read(version.example, "the example")).records()
    row = version.signature.example_row()
    if not row:
        raise NotFound("no example is known")
    return [row]


def _most_memory() -> int:
    """Return the most memory that this process ever had, in bytes.

    Linux tells it of the program itself; what `getrusage` tells begins with that of the parent.
    """
    if sys.platform == "win32":  # pragma: no cover
        return _most_memory_on_windows()
    else:  # noqa: RET505  type checkers see one of both
        try:
            with open("/proc/self/status", encoding="ascii") as file:
                for line in file:
                    if line.startswith("VmHWM:"):
                        return int(line.split()[1]) * 1024
        except FileNotFoundError:
            pass
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if sys.platform == "win32":  # pragma: no cover

    def _most_memory_on_windows() -> int:
        """Return the peak of the working set; see PROCESS_MEMORY_COUNTERS of psapi.h."""
        import ctypes

        # Two counts of four bytes, and eight of the size of a pointer, of which the peak is first.
        counters = (ctypes.c_size_t * 9)()
        size = ctypes.sizeof(counters)
        ctypes.memmove(counters, size.to_bytes(4, "little"), 4)
        kernel = ctypes.windll.kernel32
        if not kernel.K32GetProcessMemoryInfo(ctypes.c_void_p(-1), counters, size):
            raise OSError("the memory of this process is not known")
        return int(counters[1])
