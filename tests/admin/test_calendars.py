"""The desk's own calendars, and the runs that work due dates out again."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.models import Deadline, DeskCalendar, Move, Recomputation
from compliance.operations.deadlines import recomputation
from tests.admin.pages import address, errors, filled_in
from tests.samples import agree, duty


def calendar_form(*days: tuple[str, str], **values: Any) -> dict[str, Any]:
    """A new calendar as the page posts it."""
    rows = {
        f"closing_days-{index}-{name}": value
        for index, day in enumerate(days)
        for name, value in zip(("on", "reason"), day, strict=True)
    }
    return {
        "code": "hq",
        "title": "Head office",
        "weekend": ["4", "5"],
        "closing_days-TOTAL_FORMS": str(len(days)),
        "closing_days-INITIAL_FORMS": "0",
        **rows,
        **values,
    }


def enter(client: Client, *days: tuple[str, str], **values: Any) -> Any:
    """Post a new calendar."""
    return client.post(address("deskcalendar", "add"), calendar_form(*days, **values))


def test_a_calendar_is_entered_with_its_closing_days(browser: Client) -> None:
    response = enter(browser, ("2026-12-24", "Christmas Eve"), ("2026-12-31", "Stocktaking"))

    assert response.status_code == 302, errors(response)
    calendar = DeskCalendar.objects.get()
    assert (str(calendar), calendar.weekend) == ("desk:hq", [4, 5])
    assert [str(day) for day in calendar.closing_days.all()] == [
        "2026-12-24 Christmas Eve",
        "2026-12-31 Stocktaking",
    ]


def test_a_calendar_may_be_open_on_all_weekdays(browser: Client) -> None:
    assert enter(browser, weekend=[]).status_code == 302
    assert DeskCalendar.objects.get().weekend == []


@pytest.mark.parametrize(
    ("days", "values", "place", "part"),
    [
        ((), {"code": "H Q"}, "code", ""),
        ((("2026-02-30", "x"),), {}, "closing_days-0-on", "does not exist"),
        ((("2026-12-24", "x"), ("2026-12-24", "y")), {}, "closing_days", "only once"),
    ],
)
def test_what_is_refused_stands_on_its_field(
    browser: Client,
    days: tuple[tuple[str, str], ...],
    values: dict[str, str],
    place: str,
    part: str,
) -> None:
    response = enter(browser, *days, **values)

    assert response.status_code == 200
    assert part in " ".join(errors(response)[place])
    assert not DeskCalendar.objects.exists()


def test_open_deadlines_follow_a_changed_calendar_and_the_move_is_shown(browser: Client) -> None:
    enter(browser, ("2098-12-24", "Christmas Eve"), weekend=["5", "6"])
    calendar = DeskCalendar.objects.get()
    # Whatever is out of date for another reason is worked out before.
    due = {"type": "offset", "from": {"date": "2099-06-01"}, "count": 1, "unit": "days",
           "roll": "following", "calendars": ["desk:hq"]}  # fmt: skip
    deadline = agree(duty(due=due))
    recomputation.run(as_of=timezone.now())
    url = address("deskcalendar", "change", calendar.pk)
    values = {
        **filled_in(browser, url),
        "closing_days-TOTAL_FORMS": "2",
        "closing_days-1-on": "2099-06-02",
        "closing_days-1-reason": "Moving house",
    }

    response = browser.post(url, values, follow=True)

    assert "worked out again within a minute" in response.content.decode()
    assert calendar.closing_days.count() == 2
    recomputation.run(as_of=timezone.now())
    deadline.refresh_from_db()
    assert str(deadline.due_on) == "2099-06-03"
    move = Move.objects.get()
    page = browser.get(address("recomputation", "change", move.recomputation_id)).content.decode()
    assert "2099-06-02 16:00 UTC" in page
    assert "2099-06-03 16:00 UTC" in page
    page = browser.get(address("deadline", "change", deadline.pk)).content.decode()
    assert "Moved on" in page
    assert "Moving house" in page


def test_a_calendar_is_not_deleted_and_keeps_its_code(browser: Client) -> None:
    enter(browser)
    calendar = DeskCalendar.objects.get()
    url = address("deskcalendar", "change", calendar.pk)

    assert browser.post(address("deskcalendar", "delete", calendar.pk)).status_code == 403
    assert browser.post(url, {**filled_in(browser, url), "code": "other"}).status_code == 302
    assert DeskCalendar.objects.get().code == "hq"


def test_closing_days_on_other_pages_of_the_form_stay(browser: Client) -> None:
    days = [(f"2026-{month:02}-{day:02}", "x") for month in range(1, 7) for day in range(1, 22)]
    assert enter(browser, *days).status_code == 302
    calendar = DeskCalendar.objects.get()
    url = address("deskcalendar", "change", calendar.pk)

    values = {**filled_in(browser, url), "closing_days-0-DELETE": "on"}
    assert values["closing_days-TOTAL_FORMS"] == 100
    assert browser.post(url, values).status_code == 302

    assert calendar.closing_days.count() == len(days) - 1


def test_what_could_not_be_worked_out_is_shown_on_the_first_page(browser: Client) -> None:
    deadline = agree()
    now = timezone.now()
    run = Recomputation.objects.create(
        as_of=now, started_at=now, ended_at=now, data_version="x", horizon=now.date(), failed=1
    )
    Move.objects.create(
        recomputation=run,
        deadline=deadline,
        from_due_at=deadline.due_at,
        to_due_at=deadline.due_at,
        problem="No business day.",
    )

    page = browser.get("/admin/").content.decode()

    assert "due dates could not be worked out again" in page
    assert address("recomputation", "change", run.pk) in page
    page = browser.get(address("deadline", "change", deadline.pk)).content.decode()
    assert "No business day." in page
    assert Deadline.objects.exists()
