"""The point in time to which a question refers: an instant, as known at some instant."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from compliance.domain.date_fields import Instant
from compliance.domain.problems import refusal
from compliance.queries.filters import Filter


class PointInTime(Filter):
    """An instant (`as_of`), as known at that or another instant (`known_at`)."""

    as_of: Annotated[Instant | None, Field(description="Show the state at this instant.")] = None
    known_at: Annotated[
        Instant | None, Field(description="Use what was known at this instant. The default is now.")
    ] = None

    def pinned(self, now: datetime) -> Self:
        """Return a copy with both instants filled in if one is given.

        All pages of a list then show the same state.

        Raises:
            Invalid: an instant lies in the future.
        """
        for name, value in (("as_of", self.as_of), ("known_at", self.known_at)):
            if value is not None and value > now:
                sentence = "This lies in the future. Give an instant up to now."
                raise refusal(name, sentence)
        if self.as_of is None and self.known_at is None:
            return self
        known_at = self.known_at or now
        return self.model_copy(update={"as_of": self.as_of or known_at, "known_at": known_at})
