"""Streams: sudden changes of scores, errors and latency as answers are given.

`adwin` watches a mean, `shapes` a whole distribution; both are fed with arrays and kept as JSON.
`report` says what they found. No function here reads the project.
"""

from lite_mlops.monitoring.streams.adwin import Detection, Stream
from lite_mlops.monitoring.streams.report import (
    StreamReport,
    Watched,
    logarithms,
    stream_findings,
    stream_of,
    watch,
)
from lite_mlops.monitoring.streams.shapes import Shape, ShapeChange

__all__ = [
    "Detection",
    "Shape",
    "ShapeChange",
    "Stream",
    "StreamReport",
    "Watched",
    "logarithms",
    "stream_findings",
    "stream_of",
    "watch",
]
