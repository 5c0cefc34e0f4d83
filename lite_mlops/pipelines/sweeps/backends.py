"""Backends: where trials run, as joblib names it, made ready and put away again.

    with ready("dask", jobs=4), workers(4) as pool:
        for came_to in pool.run(tasks): ...       # as they end, or all of a round at once
        pool.round                                # how many of them to hand over together

Ray and Dask are used where they are installed: the cluster that the process is connected to, the
one that `RAY_ADDRESS` or `DASK_SCHEDULER_ADDRESS` names, or one on this machine for as long as it
takes. Elsewhere than on this machine, the folder of the project has to lie on a shared disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.pipelines.interrupting import uninterrupted
from lite_mlops.pipelines.sweeps.carrying import stop_commands

_A_ROUND = 4  # trials of each worker in a round, where results come only when all have ended


@contextmanager
def ready(backend: str, jobs: int | None) -> Iterator[None]:
    """Have joblib use a backend. Raises `Invalid` if it cannot be used here."""
    import joblib  # slow to load

    with ExitStack() as stack:
        try:
            if backend == "ray":
                _ready_ray(stack)
            elif backend == "dask":
                _ready_dask(stack, jobs)
            chosen = joblib.parallel_config(backend)
        except (ValueError, ImportError, OSError) as error:
            why = str(error).strip().partition("\n")[0].rstrip(".")
            raise Invalid(f"joblib has no backend {backend!r} here: {why}.") from None
        stack.enter_context(chosen)
        yield


def _ready_ray(stack: ExitStack) -> None:
    """Tell joblib of Ray; what is started here ends with the sweep."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the machine
    import ray
    from ray.util.joblib import register_ray

    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False)
        stack.callback(ray.shutdown)
    register_ray()


def _ready_dask(stack: ExitStack, jobs: int | None) -> None:
    """Have a client of Dask; one that is made here ends with the sweep."""
    import dask
    from distributed import Client, get_client

    try:
        client = get_client()
    except ValueError:
        options: dict[str, Any] = {}
        if dask.config.get("scheduler-address", None) is None:
            count = jobs if jobs is not None and jobs > 0 else None
            options = {"n_workers": count, "threads_per_worker": 1, "dashboard_address": None}
        client = stack.enter_context(Client(**options))
    stack.push(lambda kind, *_: _stop_commands(client) if kind is not None else None)


def _stop_commands(client: Any) -> None:
    """Have the workers end the commands that they wait for, which would outlive them."""
    with uninterrupted(), suppress(OSError, TimeoutError):
        client.run(stop_commands)


class Workers:
    """What trials are handed to.

    Args:
        parallel: Of joblib.
        streams: Whether results come as trials end.
        width: How many trials run side by side.
    """

    def __init__(self, parallel: Any, *, streams: bool, width: int) -> None:
        self._parallel = parallel
        self._streams = streams
        self.width = width

    @property
    def most(self) -> int | None:
        """How many trials to hand over at most; None: any number."""
        return None if self._streams else _A_ROUND * self.width

    def run(self, tasks: Iterable[Any]) -> Iterator[Any]:
        """Yield what tasks come to, in whatever order they end."""
        yield from self._parallel(tasks)


@contextmanager
def workers(jobs: int | None) -> Iterator[Workers]:
    """Yield the workers of the backend that joblib is configured to; they end with the context."""
    import joblib
    from joblib.parallel import get_active_backend

    active, configured = get_active_backend()
    streams = bool(active.supports_return_generator)
    how = "generator_unordered" if streams else "list"
    parallel = joblib.Parallel(n_jobs=jobs, return_as=how, pre_dispatch="n_jobs")
    width = joblib.effective_n_jobs(parallel.n_jobs or configured or 1)
    with ExitStack() as stack:
        if not streams:
            stack.enter_context(parallel)  # or each round would start workers of its own
        try:
            yield Workers(parallel, streams=streams, width=width)
        except BaseException:
            if type(active).__name__ == "LokyBackend":
                with uninterrupted():
                    _stop_loky()
            raise


def _stop_loky() -> None:
    """End the worker processes, with what they are at; others end with their backend."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor(reuse=True).shutdown(kill_workers=True)
