"""Monitors: what is watched of models, how often, and what was found.

Names are loaded on their first use: a server only looks at the clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_mlops.faces import loaded_on_use

if TYPE_CHECKING:
    from lite_mlops.monitoring.monitors.beside import WatchingBeside
    from lite_mlops.monitoring.monitors.checks import CHECKS
    from lite_mlops.monitoring.monitors.monitor import Monitor
    from lite_mlops.monitoring.monitors.monitors import Monitors
    from lite_mlops.monitoring.monitors.rehearsal import Alarm, Rehearsal
    from lite_mlops.monitoring.monitors.runs import MonitorRun, MonitorState, Stored

# Where each name lives; the imports above say the same to type checkers.
_HOMES = {
    "beside": "WatchingBeside",
    "checks": "CHECKS",
    "monitor": "Monitor",
    "monitors": "Monitors",
    "rehearsal": "Alarm Rehearsal",
    "runs": "MonitorRun MonitorState Stored",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "CHECKS",
    "Alarm",
    "Monitor",
    "MonitorRun",
    "MonitorState",
    "Monitors",
    "Rehearsal",
    "Stored",
    "WatchingBeside",
]

__getattr__ = loaded_on_use(__name__, _HOME_OF)
