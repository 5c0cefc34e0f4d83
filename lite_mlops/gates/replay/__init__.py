"""Replay: recorded requests are answered by a candidate off-line, and compared with what was said.

    found = replay(store, asking, candidate, replay_window("7d"))
    found.changed_share, found.failed, found.largest[0].prediction_id, found.compared

Requests come out of the database as columns and go into the model as columns; nothing is done row
by row.
"""

from lite_mlops.gates.replay.replayed import ChangedRow, Replayed
from lite_mlops.gates.replay.replaying import MOST_ROWS, replay
from lite_mlops.gates.replay.window import replay_window

__all__ = ["MOST_ROWS", "ChangedRow", "Replayed", "replay", "replay_window"]
