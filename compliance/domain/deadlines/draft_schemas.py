"""What the JSON Schema of facts and positions says about their dates."""

from __future__ import annotations

from pydantic.config import JsonDict

from compliance.domain.formats import one_of
from compliance.domain.vocabulary import FactKind

ONE_DATE = one_of("on", "at")
"""Either a day or an instant is given."""

_RETRACTION: JsonDict = {
    "required": ["type", "supersedes"],
    "properties": {
        "type": {"const": FactKind.RETRACTION.value},
        "supersedes": {"not": {"type": "null"}},
        "on": {"type": "null"},
        "at": {"type": "null"},
    },
}

ONE_DATE_OR_RETRACTION = one_of("on", "at", otherwise=_RETRACTION)
"""The same, but a retraction names what it retracts instead."""
