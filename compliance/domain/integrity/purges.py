"""What can be purged."""

from __future__ import annotations

from enum import StrEnum


class PurgeSubject(StrEnum):
    """What a purge removed."""

    AGREEMENT = "agreement"
    IMPORT = "import"
