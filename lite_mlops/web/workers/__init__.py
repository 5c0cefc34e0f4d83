"""Workers: several processes behind one port, as many as the load needs.

    Supervisor(asked, 8000, Bounds.parse("1..4"), say=print).run()

The process that is started looks after them and answers nothing itself. Each worker is a process
of its own that serves as one alone would, on the port that all of them share; large arrays of
models are mapped from their files, so they are in memory once.
"""

from lite_mlops.web.workers.messages import Asked
from lite_mlops.web.workers.scaling import Bounds, Pace
from lite_mlops.web.workers.supervising import Supervisor

__all__ = ["Asked", "Bounds", "Pace", "Supervisor"]
