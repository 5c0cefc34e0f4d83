"""Loops: retraining that begins by itself, and promotes only what has shown that it may."""

from lite_mlops.loops.definition import Loop
from lite_mlops.loops.loops import Loops, LoopState
from lite_mlops.loops.rounds import Parts
from lite_mlops.loops.story import Cycle, Line

__all__ = ["Cycle", "Line", "Loop", "LoopState", "Loops", "Parts"]
