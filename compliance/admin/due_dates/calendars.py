"""Custom calendars: closed weekdays and closing days that holiday calendars lack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from compliance.admin import badges, fields, urls
from compliance.admin.formsets import FilledRowFormSet, PartInline, is_below
from compliance.admin.history import HistoryAdmin
from compliance.admin.operation_forms import DraftForm, OperationAdmin, without_empty
from compliance.admin.searching import folded
from compliance.domain.civil_time import WEEKDAYS
from compliance.domain.drafts import read
from compliance.domain.due_dates.drafts import CustomCalendarDraft
from compliance.domain.problems import Problem
from compliance.models import ClosingDay, CustomCalendar, Deadline
from compliance.operations.due_dates import calendars

_SATURDAY_AND_SUNDAY = ["5", "6"]
_WEEKDAY_NUMBERS = {str(number): number for number in range(len(WEEKDAYS))}


class CalendarForm(DraftForm):
    """The fields of a custom calendar."""

    code = fields.text_field(
        required=True,
        help_text=(
            "A short name, such as hq. Agreements refer to it as custom:hq. It cannot be changed "
            "later."
        ),
    )
    title = fields.text_field(required=True)
    weekend = fields.CheckboxesField(
        label="Closed on",
        choices=[(str(number), name) for number, name in enumerate(WEEKDAYS)],
        initial=_SATURDAY_AND_SUNDAY,
    )

    class Meta:
        model = CustomCalendar
        fields = ("code", "title", "weekend")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["weekend"] = [str(number) for number in self.instance.weekend]


class ClosingDayForm(DraftForm):
    """The fields of a closing day."""

    on = fields.DateTextField(label="Date")
    reason = fields.text_field()

    class Meta:
        model = ClosingDay
        fields = ("on", "reason")


class ClosingDayFormSet(FilledRowFormSet):
    """The closing days of a calendar, one page at a time."""

    key_field = "on"

    def draft_rows(self) -> list[dict[str, Any]]:
        """Return the rows in the format of a calendar's draft."""
        return [
            {"on": row.cleaned_data["on"], "reason": row.cleaned_data.get("reason") or "closed"}
            for row in self.rows()
        ]


class ClosingDayInline(PartInline):
    """The closing days of a calendar."""

    model = ClosingDay
    form = ClosingDayForm
    formset = ClosingDayFormSet
    fields = ("on", "reason")
    parent_model_name = "customcalendar"
    problem_path = "closing_days"
    extra = 0
    per_page = 100


@admin.register(CustomCalendar)
class CustomCalendarAdmin(OperationAdmin, HistoryAdmin):
    """Adds and changes custom calendars. None is deleted, because agreements may refer to it."""

    form = CalendarForm
    inlines = (ClosingDayInline,)
    list_display = ("name", "title", "closed_weekdays", "closing_day_count")
    search_fields = folded("code", "title")
    fields = ("code", "title", "weekend")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the calendars with the number of their closing days."""
        found: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = found.annotate(number_of_days=Count("closing_days"))
        return counted

    @admin.display(description="Calendar", ordering="code")
    def name(self, calendar: CustomCalendar) -> str:
        """Return the name by which agreements refer to it."""
        return str(calendar)

    @admin.display(description="Closed on")
    def closed_weekdays(self, calendar: CustomCalendar) -> str:
        """Return the names of the closed weekdays."""
        return ", ".join(WEEKDAYS[number] for number in calendar.weekend) or "-"

    @admin.display(description="Closing days", ordering="number_of_days")
    def closing_day_count(self, calendar: Any) -> SafeString:
        """Return the number of closing days, with a link to the calendar, which lists them."""
        return badges.linked(calendar.number_of_days, urls.row_url("customcalendar", calendar.pk))

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """Make the code of an existing calendar read-only, because agreements refer to it."""
        return ("code",) if obj else ()

    def form_problems(self, problems: Sequence[Problem]) -> Sequence[Problem]:
        """Return the problems that are not about a closing day."""
        return [problem for problem in problems if not is_below(problem, "closing_days")]

    def save_draft(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], existing: Model | None
    ) -> Model:
        """Store the calendar, and announce that dependent due dates will be recomputed."""
        [formset] = formsets
        calendar = existing if isinstance(existing, CustomCalendar) else None
        values = without_empty(form.cleaned_data)
        # Checking no weekday is a valid answer, unlike leaving a field empty.
        chosen = form.cleaned_data.get("weekend") or ()
        weekend = [_WEEKDAY_NUMBERS.get(each, each) for each in chosen]
        rows = formset.draft_rows()
        if calendar is not None:
            values["code"] = calendar.code
            shown = [each.instance.pk for each in formset.initial_forms]
            on_other_pages = calendar.closing_days.exclude(pk__in=shown)
            rows += [{"on": day.on, "reason": day.reason} for day in on_other_pages]
        values = {**values, "weekend": weekend, "closing_days": rows}
        saved = calendars.save(calendar=calendar, draft=read(CustomCalendarDraft, values))
        if calendar is not None and Deadline.objects.filter(data_version="").exists():
            sentence = "Open deadlines that use this calendar are recomputed within a minute."
            messages.info(request, sentence)
        return saved
