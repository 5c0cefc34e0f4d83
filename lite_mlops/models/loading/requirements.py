"""The packages that a model needs, with their versions, and how they differ from those here.

    requirements_of(imports)                  # {"python": "3.13.1", "scikit-learn": "1.8.0", ...}
    differences({"scikit-learn": "1.7.2"})    # (Difference("scikit-learn", "1.7.2", "1.8.0"),)

Versions come from installed metadata; no process is started.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from platform import python_version

from lite_mlops.errors import Denied

# Distributions that go by another name than their module, and what comes with some in any case.
_DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "yaml": "PyYAML",
    "cv2": "opencv-python",
}
_TOGETHER = {"sklearn": ("numpy", "scipy", "joblib"), "scipy": ("numpy",), "pandas": ("numpy",)}


@dataclass(frozen=True)
class Difference:
    """A package that is another version here than at registration; None where it is missing."""

    name: str
    then: str | None
    now: str | None

    def __str__(self) -> str:
        return f"{self.name} {self.then or 'missing'} then, {self.now or 'missing'} now"


class EnvironmentDiffers(UserWarning):
    """A model is loaded with other versions than it was registered with."""

    def __init__(self, text: str, found: Sequence[Difference] = ()) -> None:
        super().__init__(text)
        self.differences = tuple(found)


class StrictlyRefused(Denied):
    """The same, where the caller wants no such model."""


@cache
def _version(distribution: str) -> str | None:
    from importlib import metadata  # which takes longer than all of this package's own

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


@cache
def _by_module() -> Mapping[str, list[str]]:
    """Return the distributions of all modules; this reads all metadata, a tenth of a second."""
    from importlib import metadata

    return metadata.packages_distributions()


def _installed(module: str) -> tuple[str, str] | None:
    """Return the distribution of a top-level module and its version; None for the user's own."""
    name = _DISTRIBUTIONS.get(module, module)
    version = _version(name)
    if version is None:
        path = getattr(sys.modules.get(module), "__file__", None) or ""
        if "site-packages" not in path and "dist-packages" not in path:
            return None
        name = next(iter(_by_module().get(module, ())), module)
        version = _version(name)
    return None if version is None else (name, version)


def _used_by(module: str) -> Iterable[str]:
    """Return the top-level modules that a module of the user's own refers to by global names."""
    for value in list(vars(sys.modules.get(module, object)).values()):
        home = getattr(value, "__name__" if isinstance(value, type(sys)) else "__module__", None)
        if isinstance(home, str):
            yield home.partition(".")[0]


def requirements_of(imports: Iterable[str]) -> dict[str, str]:
    """Return Python and the packages that a file's imports ('module:name') need, with versions.

    For modules that belong to no package, the packages that they import themselves are named.
    """
    modules = {name.partition(":")[0] for name in imports}
    tops = {module.partition(".")[0] for module in modules} | {"joblib"}
    for module in modules:
        top = module.partition(".")[0]
        if top not in sys.stdlib_module_names and _installed(top) is None:
            tops.update(_used_by(module))
    for top in tuple(tops):
        tops.update(_TOGETHER.get(top, ()))
    found = {"python": python_version()}
    theirs = tops - sys.stdlib_module_names - {"lite_mlops", "__main__"}
    for top in sorted(theirs, key=lambda top: (top != "sklearn", top)):  # what matters most first
        package = _installed(top)
        if package is not None:
            found[package[0]] = package[1]
    return found


def differences(requirements: Mapping[str, str]) -> tuple[Difference, ...]:
    """Return what differs here from the versions recorded at registration.

    Of Python the third number is not looked at: it never changes what a file means.
    """
    found = []
    for name, then in requirements.items():
        now = python_version() if name == "python" else _version(name)
        same = then == now
        if name == "python" and now is not None:
            same = then.split(".")[:2] == now.split(".")[:2]
        if not same:
            found.append(Difference(name, then, now))
    return tuple(found)


def tell(found: Sequence[Difference], referrer: str, *, strict: bool) -> None:
    """Warn of differences, in one warning; with `strict`, refuse.

    Raises:
        StrictlyRefused: there are some, and `strict` is wanted.
    """
    if not found:
        return
    listed = "; ".join(map(str, found))
    if strict:
        raise StrictlyRefused(
            f"The environment is not that in which {referrer} was registered: {listed}. Install "
            "those versions, or load it without `strict`."
        )
    text = (
        f"The environment is not that in which {referrer} was registered: {listed}. Its answers "
        "may differ."
    )
    warnings.warn(EnvironmentDiffers(text, found), stacklevel=3)
