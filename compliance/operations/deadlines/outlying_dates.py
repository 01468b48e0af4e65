"""Warn whoever enters or corrects obligations about dates outside their agreement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Count, Q

from compliance.domain.deadlines.outlying_dates import due_after_end, due_before_beginning
from compliance.domain.phrases import counted
from compliance.domain.vocabulary import Status
from compliance.models import Agreement, Deadline

_OF_AGREEMENT = Q(is_withdrawn=False, obligation__survives_termination=False)


def warnings_about_obligations(
    agreement: Agreement, ref: str | None = None
) -> Mapping[str, list[str]]:
    """Return the warnings about the obligations of an agreement, or about one of them, by ref.

    They are about open deadlines that are due after the agreement ends, and about deadlines that
    are due before the obligation begins.
    """
    found: dict[str, list[str]] = {}
    rows = Deadline.objects.filter(agreement=agreement, is_withdrawn=False)
    if ref is not None:
        rows = rows.filter(obligation__ref=ref)
    began_on = agreement.in_force_on or agreement.signed_on
    early = rows.filter(is_start_presumed=True, due_at__isnull=False)
    if began_on is None:
        early = early.filter(obligation__binds_on__isnull=False)
    for name, binds_on in early.values_list("obligation__ref", "obligation__binds_on").distinct():
        on = binds_on or began_on
        if on is not None:
            found.setdefault(name, []).append(due_before_beginning(on))
    if agreement.ends_on is not None:
        late = rows.filter(_OF_AGREEMENT, is_closed=False, due_on__gt=agreement.ends_on)
        counts = late.values_list("obligation__ref").annotate(Count("id")).order_by()
        for name, count in counts:
            found.setdefault(name, []).append(_after_end(agreement, count))
    return found


def warnings_about_end(agreement: Agreement, *, as_of: datetime) -> list[str]:
    """Return how many deadlines the end of an agreement cancels, or cancelled at `as_of`."""
    if agreement.ends_on is None:
        return []
    late = Deadline.objects.filter(_OF_AGREEMENT, agreement=agreement, due_on__gt=agreement.ends_on)
    counts = late.aggregate(
        to_come=Count("id", filter=Q(is_closed=False)),
        cancelled=Count("id", filter=Q(status=Status.CANCELLED, recorded_at__gte=as_of)),
    )
    found = []
    if counts["cancelled"]:
        found.append(
            f"This cancelled {counted(counts['cancelled'], 'deadline')} due after the agreement "
            f"ended on {agreement.ends_on}. Set survives_termination on obligations that remain "
            "due."
        )
    if counts["to_come"]:
        found.append(_after_end(agreement, counts["to_come"]))
    return found


def _after_end(agreement: Agreement, count: int) -> str:
    assert agreement.ends_on is not None
    if count == 1:
        return due_after_end(agreement.ends_on)
    return (
        f"{counted(count, 'deadline')} are due after the agreement ends on {agreement.ends_on}, "
        "and will be cancelled then. Set survives_termination if they remain due."
    )
