"""Workers: several processes behind one port, as many as the load needs.

    Supervisor(asked, 8000, Bounds.parse("1..4"), say=print).run()

The process that is started looks after them and answers nothing itself. Each worker is a process
of its own that serves as one alone would, on the port that all of them share.

Each opens models as one process alone does: every file is proved by its hash before anything of it
is used. Arrays of 16 MB and more of a model file, and the arrays of a plan of 1 MB and more, are
mapped from the files that were proved, so they are in memory once. What a model makes of them when
it is loaded is not shared: trees of scikit-learn, the children of the nodes of a plan, and whatever
comes from a compressed file or from a bundle.

A worker that is killed breaks its own connections: a request on one of them that has no answer yet
may or may not have been answered and recorded, so a client that sends it again may find it recorded
twice. Of the answers that it gave, the records of the last tenth of a second and the counts of the
last half second can be lost. Requests of other connections, and clients that wait at the port, are
not touched: another worker takes them.

The processors are divided: of N workers each lets BLAS and OpenMP start an N-th of the threads, at
least one, unless OMP_NUM_THREADS or a variable of the library is set.

Names are loaded on their first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_mlops.faces import loaded_on_use

if TYPE_CHECKING:
    from lite_mlops.web.workers.messages import Asked
    from lite_mlops.web.workers.scaling import Bounds, Pace
    from lite_mlops.web.workers.serving import WorkersServer, serve_with_workers, story_of
    from lite_mlops.web.workers.supervising import Supervisor

# Where each name lives; the imports above say the same to type checkers.
_HOMES = {
    "messages": "Asked",
    "scaling": "Bounds Pace",
    "serving": "WorkersServer serve_with_workers story_of",
    "supervising": "Supervisor",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "Asked",
    "Bounds",
    "Pace",
    "Supervisor",
    "WorkersServer",
    "serve_with_workers",
    "story_of",
]

__getattr__ = loaded_on_use(__name__, _HOME_OF)
