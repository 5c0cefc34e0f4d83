"""The checks of a gate: each gathers its evidence, and judges it by a pure function."""

from lite_mlops.gates.checks.kinds import judge

__all__ = ["judge"]
