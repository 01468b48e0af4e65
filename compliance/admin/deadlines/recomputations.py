"""What recomputations did to a deadline, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.safestring import SafeString

from compliance.admin import instants
from compliance.models import Deadline, RecomputedDeadline

_SHOWN = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class RecomputedRow:
    """A due date that a recomputation moved or failed to compute, on the page of the deadline."""

    recomputed: RecomputedDeadline
    data_version: str
    ended: SafeString
    from_due: SafeString
    to_due: SafeString


def recomputed_rows(deadline: Deadline) -> list[RecomputedRow]:
    """Return what the latest recomputations did to the due date of a deadline, newest first."""
    recomputed = RecomputedDeadline.objects.filter(deadline=deadline).select_related("run")
    zone = deadline.timezone
    return [
        RecomputedRow(
            recomputed=each,
            data_version=each.run.parameters["data_version"],
            ended=instants.utc_html(each.run.ended_at or each.run.started_at, zone),
            from_due=instants.utc_html(each.from_due_at, zone),
            to_due=instants.utc_html(each.to_due_at, zone),
        )
        for each in recomputed.order_by("-id")[:_SHOWN]
    ]
