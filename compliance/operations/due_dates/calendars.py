"""Store custom calendars."""

from __future__ import annotations

from django.db import transaction

from compliance.domain.due_dates.drafts import CustomCalendarDraft
from compliance.domain.problems import refusal
from compliance.models import ClosingDay, CustomCalendar
from compliance.operations.deadlines import recomputation


@transaction.atomic
def save(*, calendar: CustomCalendar | None, draft: CustomCalendarDraft) -> CustomCalendar:
    """Store a custom calendar with its closing days.

    The next recomputation recomputes the open deadlines that use it.

    Args:
        calendar: the calendar to correct; None creates a new one.

    Raises:
        Invalid: the code is taken, or a correction would change it.
    """
    if calendar is None:
        if CustomCalendar.objects.filter(code=draft.code).exists():
            raise refusal(
                "code", f"Calendar custom:{draft.code} already exists. Choose another code."
            )
        calendar = CustomCalendar(code=draft.code)
    elif calendar.code != draft.code:
        raise refusal("code", f"The code of a calendar cannot change. Keep {calendar.code}.")
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
