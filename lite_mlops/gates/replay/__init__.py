"""Replay: recorded requests are answered by a candidate off-line, and compared with what was said.

    requests = recorded_requests(store, candidate, replay_window("7d"))
    found = replay(store, asking, requests)
    found.changed_share, found.failed, found.largest[0].prediction_id, found.compared

Requests come out of the database as columns and go into the model as columns; nothing is done row
by row.
"""

from lite_mlops.gates.replay.replayed import ChangedRow, Replayed
from lite_mlops.gates.replay.replaying import MOST_ROWS, recorded_requests, replay
from lite_mlops.gates.replay.window import replay_window

__all__ = ["MOST_ROWS", "ChangedRow", "Replayed", "recorded_requests", "replay", "replay_window"]
