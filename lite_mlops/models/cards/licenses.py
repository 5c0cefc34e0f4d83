"""Licenses that have a name of their own in SPDX and on model hubs; all others stay as stated."""

from __future__ import annotations

_KNOWN = (
    "AFL-3.0 AGPL-3.0 Apache-2.0 Artistic-2.0 BSD-2-Clause BSD-3-Clause BSL-1.0 "
    "CC-BY-2.0 CC-BY-3.0 CC-BY-4.0 CC-BY-NC-3.0 CC-BY-NC-4.0 CC-BY-NC-ND-4.0 CC-BY-NC-SA-4.0 "
    "CC-BY-ND-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CC0-1.0 ECL-2.0 EPL-1.0 EPL-2.0 EUPL-1.1 EUPL-1.2 "
    "GPL-2.0 GPL-3.0 ISC LGPL-2.1 LGPL-3.0 LPPL-1.3c MIT MPL-2.0 MS-PL NCSA OFL-1.1 OSL-3.0 "
    "PostgreSQL Unlicense Zlib"
).split()
_BY_WORD = {name.lower(): name for name in _KNOWN}


def spdx_id(license: str) -> str | None:  # noqa: A002
    """Return the SPDX identifier that a stated license is; None if it is none of the known."""
    return _BY_WORD.get(license.strip().lower())
