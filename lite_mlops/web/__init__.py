"""The HTTP door: a small kernel, the routes of served models, what serves them, and its workers.

Names are loaded on their first use: who looks after workers needs neither a model nor NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_mlops.faces import loaded_on_use

if TYPE_CHECKING:
    from lite_mlops.web.kernel import App, Guard, Limits, Request, Response, Route, Server
    from lite_mlops.web.kernel.port import is_loopback
    from lite_mlops.web.pages import first_row, form_routes
    from lite_mlops.web.predicting import Meter, Readiness, prediction_app
    from lite_mlops.web.serving import (
        Doors,
        Serving,
        ServingServer,
        serve_bundle,
        serve_references,
    )
    from lite_mlops.web.start import start_lines
    from lite_mlops.web.tally import Tally
    from lite_mlops.web.workers import (
        Asked,
        Bounds,
        Pace,
        Supervisor,
        WorkersServer,
        serve_with_workers,
        story_of,
    )

# Where each name lives; the imports above say the same to type checkers.
_HOMES = {
    "kernel": "App Guard Limits Request Response Route Server",
    "kernel.port": "is_loopback",
    "pages": "first_row form_routes",
    "predicting": "Meter Readiness prediction_app",
    "serving": "Doors Serving ServingServer serve_bundle serve_references",
    "start": "start_lines",
    "tally": "Tally",
    "workers": "Asked Bounds Pace Supervisor WorkersServer serve_with_workers story_of",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "App",
    "Asked",
    "Bounds",
    "Doors",
    "Guard",
    "Limits",
    "Meter",
    "Pace",
    "Readiness",
    "Request",
    "Response",
    "Route",
    "Server",
    "Serving",
    "ServingServer",
    "Supervisor",
    "Tally",
    "WorkersServer",
    "first_row",
    "form_routes",
    "is_loopback",
    "prediction_app",
    "serve_bundle",
    "serve_references",
    "serve_with_workers",
    "start_lines",
    "story_of",
]

__getattr__ = loaded_on_use(__name__, _HOME_OF)
