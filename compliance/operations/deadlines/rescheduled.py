"""What became of the deadlines of obligations that were rescheduled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(kw_only=True, slots=True)
class Rescheduled:
    """The ids of the deadlines that were created or changed, and the errors of failed ones.

    `failed_obligations` are the ids of the obligations whose rules could not be resolved.
    """

    touched: set[int] = field(default_factory=set)
    failed: dict[int, str] = field(default_factory=dict)
    failed_obligations: set[int] = field(default_factory=set)

    def fail(self, obligation_id: int, deadline_ids: Iterable[int], error: Exception) -> None:
        """Add an obligation whose rules cannot be resolved, and the deadlines that suffer."""
        self.failed |= dict.fromkeys(deadline_ids, str(error))
        self.failed_obligations.add(obligation_id)
