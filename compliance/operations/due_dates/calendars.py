"""Writing the desk's own calendars."""

from __future__ import annotations

from django.db import transaction

from compliance.domain.due_dates.drafts import CustomCalendarDraft
from compliance.domain.problems import refusal
from compliance.models import ClosingDay, CustomCalendar
from compliance.operations.deadlines import recomputation


@transaction.atomic
def save(*, calendar: CustomCalendar | None, draft: CustomCalendarDraft) -> CustomCalendar:
    """Store a calendar of the desk with its closing days.

    Open deadlines that follow it are worked out again at the next tick.

    Raises:
        Invalid: its code is taken, or differs from that of the calendar it corrects.
    """
    if calendar is None:
        if CustomCalendar.objects.filter(code=draft.code).exists():
            raise refusal("code", f"There is already a calendar custom:{draft.code}.")
        calendar = CustomCalendar(code=draft.code)
    elif calendar.code != draft.code:
        raise refusal("code", f"The code of a calendar stays as it is: {calendar.code}.")
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
