"""Workers behind one port in a hurry, in processes of their own: python -m ...supervised JSON"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lite_mlops.cli.serve_workers import supervised
from lite_mlops.project import Project
from lite_mlops.web import Asked, Bounds, Pace


def main() -> None:
    """Serve what the argument says until told to end."""
    told = json.loads(sys.argv[1])
    asked = Asked(
        references=tuple(told["references"]),
        project=told["project"],
        host="127.0.0.1",
        limits=told.get("limits", {}),
        options=told.get("options", {}),
        decided=told.get("decided", {}),
    )
    bounds, pace = Bounds.parse(told["workers"]), Pace(**told.get("pace", {}))
    project = Project(Path(told["project"]))
    print(f"Stopped. {supervised(asked, 0, bounds, project, pace)}", flush=True)


if __name__ == "__main__":
    main()
