"""Served: the endpoints of one server, and which of them a name means.

served = Served({"churn@champion": endpoint, "churn/3": other})
served.find("churn@champion"), served.find("churn", "3"), served.find("churn")
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.serving.endpoint import Endpoint


class Served:
    """Endpoints by the reference that each answers for.

    Attributes:
        default: The first one, which answers where no name is given.
    """

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        if not endpoints:
            raise Invalid("there is nothing to serve.")
        self._endpoints = dict(endpoints)
        self.default = next(iter(self._endpoints.values()))

    def __len__(self) -> int:
        return len(self._endpoints)

    def __iter__(self) -> Iterator[tuple[str, Endpoint]]:
        return iter(self._endpoints.items())

    def find(self, name: str, version: str | None = None) -> Endpoint:
        """Return the endpoint of `NAME`, `NAME@alias`, or of a name and a version.

        Only what the server was started with is served; a plain name means its first endpoint.

        Raises:
            NotFound: nothing that is served has this name; it tells what is.
        """
        for reference, endpoint in self._endpoints.items():
            about = endpoint.version
            if version is None and name in (reference, about.model):
                return endpoint
            if version is not None and (about.model, str(about.version)) == (name, version):
                return endpoint
        asked = name if version is None else f"{name}/{version}"
        raise NotFound(f"{asked} is not served here; there is {', '.join(self._endpoints)}.")

    def versions(self, name: str) -> list[str]:
        """Return the versions of a model that are served, as they are named in addresses."""
        found = (endpoint.version for endpoint in self._endpoints.values())
        return sorted({str(one.version) for one in found if one.model == name}, key=int)
