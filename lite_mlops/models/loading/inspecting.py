"""What a model file is and would import, without loading anything of it.

found = inspect_model(path.read_bytes())
found.imports        # ("sklearn.svm._classes:SVC", "my_pkg.text:Cleaner")
found.needs_trust    # ("my_pkg.text:Cleaner",)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import IO, Any

from lite_mlops.models.loading.compression import compression_of, unpacked
from lite_mlops.models.loading.files import LIMIT, check_size
from lite_mlops.models.loading.formats import FORMATS, guessed_format, known_format
from lite_mlops.models.loading.trust import untrusted


@dataclass(frozen=True)
class Inspection:
    """What a file says of itself.

    Attributes:
        format: One of `FORMATS`, by its first bytes.
        size: Number of its bytes.
        compression: How it is compressed, such as 'zlib'; None if it is not.
        unpacked_size: Number of bytes that it unpacks to.
        imports: All that it would import, as 'module:name'.
        needs_trust: Those of them that are not on the shipped list.
    """

    format: str
    size: int
    compression: str | None
    unpacked_size: int
    imports: tuple[str, ...]
    needs_trust: tuple[str, ...]

    @property
    def shipped(self) -> tuple[str, ...]:
        """The imports that are on the shipped list."""
        return tuple(name for name in self.imports if name not in set(self.needs_trust))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }


def _bytes_of(file: bytes | memoryview | IO[bytes], limit: int) -> memoryview:
    if isinstance(file, bytes | memoryview):
        data = memoryview(file)
    else:
        data = memoryview(file.read(limit + 1))
    check_size(len(data), limit)
    return data


def inspect_model(
    file: bytes | memoryview | IO[bytes],
    *,
    format: str | None = None,  # noqa: A002
    limit: int = LIMIT,
) -> Inspection:
    """Return what a file is and would import. Nothing is imported, called or made.

    Raises:
        UnreadableModel: it is no model file, or not a whole one.
        RefusedModel: it holds what is never loaded, or is too large.
    """
    data = _bytes_of(file, limit)
    name = known_format(format).name if format else guessed_format(data)
    compression = None if name != "joblib" else compression_of(data)
    inner = data if compression is None else unpacked(data, compression, limit)
    imports = FORMATS[name].imports(inner, limit)
    return Inspection(
        format=name,
        size=len(data),
        compression=compression,
        unpacked_size=len(inner),
        imports=imports,
        needs_trust=untrusted(imports),
    )


def imports_of(file: bytes | memoryview | IO[bytes], *, limit: int = LIMIT) -> tuple[str, ...]:
    """Return all that a model file would import, as 'module:name'; see `inspect_model`."""
    return inspect_model(file, limit=limit).imports
