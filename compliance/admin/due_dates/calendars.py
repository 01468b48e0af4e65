"""The desk's own calendars: which weekdays, and which days, it is closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest

from compliance.admin import fields
from compliance.admin.agreements.agreements import RowFormSet
from compliance.admin.history import HistoryAdmin
from compliance.admin.saving import DraftForm, OperationAdmin, given, refused
from compliance.admin.theme import TabularInline
from compliance.domain.drafts import read
from compliance.domain.due_dates.drafts import DeskCalendarDraft
from compliance.domain.problems import Problem
from compliance.models import ClosingDay, Deadline, DeskCalendar
from compliance.operations.due_dates import calendars

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SATURDAY_AND_SUNDAY = ["5", "6"]


class CalendarForm(DraftForm):
    """What is asked of a calendar."""

    code = fields.line(
        required=True, help_text="Short, such as hq: agreements name it desk:hq. It stays."
    )
    title = fields.line(required=True)
    weekend = fields.Boxes(
        label="Always closed on",
        choices=[(str(number), name) for number, name in enumerate(WEEKDAYS)],
        initial=_SATURDAY_AND_SUNDAY,
    )

    class Meta:
        model = DeskCalendar
        fields = ("code", "title", "weekend")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["weekend"] = [str(number) for number in self.instance.weekend]


class ClosingDayForm(DraftForm):
    """One day on which the desk is closed."""

    on = fields.Day(label="Day")
    reason = fields.line()

    class Meta:
        model = ClosingDay
        fields = ("on", "reason")


class ClosingDayFormSet(RowFormSet):
    """The days on which the desk is closed, one page of them."""

    named_by = "on"


class ClosingDayInline(TabularInline):
    """The days on which the desk is closed besides."""

    model = ClosingDay
    form = ClosingDayForm
    formset = ClosingDayFormSet
    fields = ("on", "reason")
    hide_title = True
    extra = 0
    per_page = 100

    def get_formset(self, request: HttpRequest, obj: Any | None = None, **kwargs: Any) -> Any:
        """The formset, knowing what was refused a moment ago."""
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.refused = [each for each in refused(request) if _is_of_a_day(each)]
        return formset

    # Who may change a calendar may change its days: they are one form.
    def has_view_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """As for the calendar."""
        return _may(request, "view") or self.has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """As for the calendar."""
        return _may(request, "change" if obj else "add")

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """As for the calendar."""
        return _may(request, "change" if obj else "add")

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """As for the calendar."""
        return _may(request, "change" if obj else "add")


def _may(request: HttpRequest, verb: str) -> bool:
    return bool(request.user.has_perm(f"compliance.{verb}_deskcalendar"))


def _is_of_a_day(problem: Problem) -> bool:
    return problem.path.startswith("closing_days")


@admin.register(DeskCalendar)
class DeskCalendarAdmin(OperationAdmin, HistoryAdmin):
    """Kept through `operations.calendars`. None is deleted: agreements may name it."""

    form = CalendarForm
    inlines = (ClosingDayInline,)
    list_display = ("name", "title", "closed", "days")
    search_fields = ("code", "title")
    fields = ("code", "title", "weekend")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With how many closing days each has."""
        found: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = found.annotate(day_count=Count("closing_days"))
        return counted

    @admin.display(description="Calendar", ordering="code")
    def name(self, calendar: DeskCalendar) -> str:
        """As agreements name it."""
        return str(calendar)

    @admin.display(description="Always closed on")
    def closed(self, calendar: DeskCalendar) -> str:
        """The weekdays."""
        return ", ".join(WEEKDAYS[number] for number in calendar.weekend) or "-"

    @admin.display(description="Closing days", ordering="day_count")
    def days(self, calendar: Any) -> int:
        """How many."""
        return int(calendar.day_count)

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """A stored calendar keeps its code: agreements and rules name it."""
        return ("code",) if obj else ()

    def problems_for_form(self, problems: Sequence[Problem]) -> Sequence[Problem]:
        """What does not speak of a closing day."""
        return [problem for problem in problems if not _is_of_a_day(problem)]

    def write(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], stored: Model | None
    ) -> Model:
        """Store the calendar, and say that what follows it is worked out again."""
        [days] = formsets
        known = stored if isinstance(stored, DeskCalendar) else None
        values = given(form.cleaned_data)
        # Unlike an empty field, no box checked is an answer.
        weekend = [int(number) for number in form.cleaned_data.get("weekend") or ()]
        rows = [
            {"on": each.cleaned_data["on"], "reason": each.cleaned_data.get("reason") or "closed"}
            for each in days.kept()
        ]
        if known is not None:
            values["code"] = known.code
            shown = [each.instance.pk for each in days.initial_forms]
            elsewhere = known.closing_days.exclude(pk__in=shown)
            rows += [{"on": day.on, "reason": day.reason} for day in elsewhere]
        values = {**values, "weekend": weekend, "closing_days": rows}
        calendar = calendars.save(calendar=known, draft=read(DeskCalendarDraft, values))
        if known is not None and Deadline.objects.filter(data_version="").exists():
            sentence = "Open deadlines that follow it are worked out again within a minute."
            messages.info(request, sentence)
        return calendar
