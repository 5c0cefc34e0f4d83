"""Loops: retraining that begins by itself, and promotes only what has shown that it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_mlops.faces import loaded_on_use

if TYPE_CHECKING:
    from lite_mlops.loops.beside import LoopingBeside
    from lite_mlops.loops.definition import Loop
    from lite_mlops.loops.loops import Loops, LoopState
    from lite_mlops.loops.rounds import Parts
    from lite_mlops.loops.story import Cycle, Line

# A server needs only what is beside it; the imports above say the same to type checkers.
_HOME_OF = {
    "Cycle": "story",
    "Line": "story",
    "Loop": "definition",
    "LoopState": "loops",
    "LoopingBeside": "beside",
    "Loops": "loops",
    "Parts": "rounds",
}

__all__ = ["Cycle", "Line", "Loop", "LoopState", "LoopingBeside", "Loops", "Parts"]

__getattr__ = loaded_on_use(__name__, _HOME_OF)
