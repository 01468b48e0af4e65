"""What an import of an agreement document did, or would do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from compliance.domain.problems import Problem

LONGEST_SOURCE = 200
"""The maximum length of the name of an imported file."""


class ImportMode(StrEnum):
    """What an import does with stored values that its document gives differently."""

    ADD = "add"
    UPDATE = "update"


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A value that a document gives and that is stored differently.

    `path` is its place in the document, and `ref` names the obligation, milestone, party, piece of
    evidence or agreement to which it belongs. `fills_gap` says that nothing is stored for it yet,
    so that it adds to what is known and contradicts nothing.
    """

    path: str
    ref: str
    stored: Any
    sent: Any
    fills_gap: bool = False

    def shown(self) -> dict[str, Any]:
        """Return the difference as clients see it."""
        return {"path": self.path, "ref": self.ref, "stored": self.stored, "sent": self.sent}


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A part of a document that was stored, by its path, with the ref that names it."""

    path: str
    ref: str

    def shown(self) -> dict[str, str]:
        """Return the part as clients see it."""
        return {"path": self.path, "ref": self.ref}


@dataclass(kw_only=True, slots=True)
class ImportReport:
    """What an import did: rows that were made, values that were changed, and what was ignored.

    `ignored` are differences that were not applied. `warnings` are about what was stored otherwise
    than the document says.
    """

    made: list[Made] = field(default_factory=list)
    changed: list[Difference] = field(default_factory=list)
    ignored: list[Difference] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def ignore(self, path: str, ref: str, stored: Any, sent: Any) -> None:
        """Add a difference that is not applied."""
        self.ignored.append(Difference(path=path, ref=ref, stored=stored, sent=sent))

    def warn_recorded_now(self, path: str, known_at: datetime) -> None:
        """Warn that a record counts as known from now on, and not from `known_at` on."""
        detail = (
            "This is not later than what is already known, so it is recorded as of now, and not as "
            f"of {known_at.isoformat()}."
        )
        self.warnings.append(Problem(path=f"{path}/recorded_at", detail=detail))

    def warn_replaced_since(self, path: str) -> None:
        """Warn that a record repeats one that was replaced since, and therefore changes nothing."""
        detail = (
            "This repeats what was recorded before and replaced since, so it changes nothing. If "
            "it was stated anew, give its recorded_at."
        )
        self.warnings.append(Problem(path=path, detail=detail))

    @property
    def is_change(self) -> bool:
        """Whether anything was stored."""
        return bool(self.made or self.changed)
