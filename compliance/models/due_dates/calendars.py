"""Custom calendars: closing days that users maintain in addition to public holidays."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from compliance.domain.due_dates.calendars import CustomCalendar as CustomCalendarValue
from compliance.models.history import tracked


@tracked
class CustomCalendar(models.Model):
    """A calendar that users maintain. Agreements and rules call it `custom:` and its code."""

    code = models.SlugField(max_length=32, unique=True)
    title = models.CharField(max_length=200)
    weekend = ArrayField(
        models.PositiveSmallIntegerField(),
        default=list,
        blank=True,
        help_text="Weekdays that are always closed: 0 is Monday, 6 is Sunday.",
    )

    class Meta:
        ordering = ("code",)
        constraints = (
            models.CheckConstraint(
                name="customcalendar_code_form",
                condition=models.Q(code__regex=r"^[a-z0-9][a-z0-9-]{0,31}$"),
            ),
            models.CheckConstraint(
                name="customcalendar_weekdays",
                condition=models.Q(weekend__contained_by=[0, 1, 2, 3, 4, 5, 6]),
            ),
        )

    def __str__(self) -> str:
        return f"custom:{self.code}"


@tracked
class ClosingDay(models.Model):
    """A day on which a custom calendar is closed, and why."""

    calendar = models.ForeignKey(
        CustomCalendar, on_delete=models.CASCADE, related_name="closing_days"
    )
    on = models.DateField()
    reason = models.CharField(max_length=200)

    class Meta:
        ordering = ("on",)
        constraints = (models.UniqueConstraint(fields=["calendar", "on"], name="closingday_once"),)

    def __str__(self) -> str:
        return f"{self.on} {self.reason}"


def custom_calendars() -> dict[str, CustomCalendarValue]:
    """Return every custom calendar as a domain value, by its full name."""
    found = CustomCalendar.objects.prefetch_related("closing_days")
    return {
        f"custom:{row.code}": CustomCalendarValue(
            weekend=frozenset(row.weekend),
            closed={day.on: day.reason for day in row.closing_days.all()},
        )
        for row in found
    }
