"""Store custom calendars."""

from __future__ import annotations

from django.db import transaction

from compliance.domain.due_dates.drafts import CustomCalendarDraft
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import ProposedChange
from compliance.models import Agreement, ClosingDay, CustomCalendar
from compliance.models.people.readers import SYSTEM, reading_as
from compliance.operations.deadlines import recomputation
from compliance.operations.deadlines.approvals import (
    Approval,
    Change,
    others_may_be_hidden,
    require,
)


@transaction.atomic
def save(
    *,
    calendar: CustomCalendar | None,
    draft: CustomCalendarDraft,
    approval: Approval | None = None,
) -> CustomCalendar:
    """Store a custom calendar with its closing days.

    The next recomputation recomputes the open deadlines that use it.

    Args:
        calendar: the calendar to correct; None creates a new one.
        approval: of a second person, if an agreement that uses the calendar requires it, or if the
            user may not see all of them.

    Raises:
        Invalid: the code is taken, or a correction would change it.
        ApprovalNeeded: other days would be closed, and an agreement that requires approval, or
            that the user does not see, may use it.
    """
    if calendar is None:
        if CustomCalendar.objects.filter(code=draft.code).exists():
            raise refusal(
                "code", f"Calendar custom:{draft.code} already exists. Choose another code."
            )
        calendar = CustomCalendar(code=draft.code)
    elif calendar.code != draft.code:
        raise refusal("code", f"The code of a calendar cannot change. Keep {calendar.code}.")
    else:
        _require_approval(calendar, draft, approval)
    calendar.title = draft.title
    calendar.weekend = sorted(draft.weekend)
    calendar.save()
    wanted = {day.on: day.reason for day in draft.closing_days}
    for day in calendar.closing_days.all():
        reason = wanted.pop(day.on, None)
        if reason is None:
            day.delete()
        elif reason != day.reason:
            day.reason = reason
            day.save()
    ClosingDay.objects.bulk_create(
        ClosingDay(calendar=calendar, on=on, reason=reason) for on, reason in wanted.items()
    )
    recomputation.mark_stale(calendar=str(calendar))
    return calendar


def _require_approval(
    calendar: CustomCalendar, draft: CustomCalendarDraft, approval: Approval | None
) -> None:
    """Check that other closing days are approved: which deadlines they move is known only later.

    Raises:
        ApprovalNeeded: they are not approved.
    """
    days = set(calendar.closing_days.values_list("on", flat=True))
    has_same_weekend = sorted(calendar.weekend) == sorted(draft.weekend)
    if has_same_weekend and days == {day.on for day in draft.closing_days}:
        return
    # Also agreements that do not exist for whoever corrects the calendar.
    with reading_as(SYSTEM):
        using = recomputation.agreements_using(str(calendar))
        is_needed = Agreement.objects.filter(pk__in=using, requires_approval=True).exists()
    if is_needed or (approval is None and others_may_be_hidden()):
        change = Change(kind=ProposedChange.CALENDAR, drafts={"calendar": draft})
        require(change, [f"Deadlines that use {calendar} could move."], approval)
