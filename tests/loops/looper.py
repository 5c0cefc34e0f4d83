"""Takes the loops of a project further until all wait, or it kills itself.

python -m ...looper FOLDER N WHEN: N is how many durable writes it makes, WHEN whether it dies
"before" or "after" the last of them.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from lite_mlops.project import Project
from lite_mlops.store.journal import Journal


def main() -> None:
    """Run the loops until they wait, or until killed."""
    folder, count, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    project = Project(folder, actor="loop")
    write, left = Journal.append_durably, count

    def written(journal: Journal, *bodies: str) -> int:
        nonlocal left
        left -= 1
        if left <= 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        at = write(journal, *bodies)
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return at

    Journal.append_durably = written  # type: ignore[assignment, method-assign]
    while any(one.state != "waiting" for one in project.loops.run()):
        time.sleep(0.01)


if __name__ == "__main__":
    main()
