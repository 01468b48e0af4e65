"""Entering due rules of every type, and their preview."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from compliance.admin.due_dates.rule_values import RuleValues, rule_from_values, values_from_rule
from compliance.domain.agreements.drafts import PartyDraft
from compliance.domain.drafts import read
from compliance.domain.due_dates.due_rules import dump_due_rule, parse_due_rule
from compliance.models import Agreement, Deadline, Milestone, User
from compliance.operations.agreements import parties
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import address, agreement_form, errors, filled_in
from tests.samples import BUYER, SUPPLIER, create_agreement, obligation

RULES: list[dict[str, Any]] = [
    {"type": "undated"},
    {"type": "date", "on": "2026-05-14"},
    {"type": "date", "on": "2026-05-14", "time": "17:00", "timezone": "UTC", "is_two_sided": True},
    {"type": "offset", "from": {"date": "2026-05-14"}, "count": 90, "unit": "days"},
    {"type": "offset", "from": {"date": "2026-05-14", "time": "09:30"}, "count": 36,
     "unit": "hours"},
    {"type": "offset", "from": {"milestone": "in-force"}, "count": 3, "unit": "months",
     "direction": "before", "end_of_month": True, "roll": "modified_following",
     "calendars": ["US", "DE-BY"], "time": "12:00"},
    {"type": "offset", "from": {"deadline": "O-2"}, "count": 14, "unit": "days",
     "method": "frcp-6", "service_days": 3, "timezone": "America/New_York"},
    {"type": "offset", "from": {"date": "2026-05-14"}, "count": 1, "unit": "weeks",
     "count_first_day": True},
    {"type": "recurrence", "rrule": "FREQ=MONTHLY;BYMONTHDAY=31", "start": "2026-01-31",
     "until": "2027-12-31", "end_of_month": True, "roll": "preceding", "calendars": ["weekend"]},
    {"type": "offset", "from": {"milestone": "closing"}, "count": 0, "unit": "days",
     "on_day": {"day": -1, "of": "quarter"}},
    {"type": "recurrence", "rrule": "FREQ=MONTHLY", "start": "2026-01-01", "times": 2,
     "on_day": {"business_day": 5, "of": "month"}, "calendars": ["DE-BY"]},
    {"type": "recurrence", "rrule": "FREQ=YEARLY", "start": "2026-04-01", "roll": "following",
     "calendars": ["US"], "then": {"type": "offset", "count": 5, "unit": "business_days",
     "direction": "before", "calendars": ["GB-ENG"], "timezone": "Europe/London",
     "is_two_sided": True, "count_first_day": True, "time": "17:00"}},
    {"type": "recurrence", "rrule": "FREQ=YEARLY", "start": "2026-04-01", "time": "10:00",
     "then": {"type": "offset", "count": 90, "unit": "minutes"}},
    {"type": "recurrence", "rrule": "FREQ=YEARLY", "start": "2026-04-01",
     "then": {"type": "offset", "count": 1, "unit": "months", "roll": "preceding",
     "on_day": {"business_day": -2, "of": "month"}}},
    {"type": "recurrence", "rrule": "FREQ=YEARLY", "start": "2026-04-01",
     "then": {"type": "offset", "count": 3, "unit": "days", "method": "frcp-6",
     "service_days": 3}},
    {"type": "recurrence", "rrule": "FREQ=DAILY;COUNT=3", "start": {"milestone": "closing"},
     "until": "2027-01-01"},
    {"type": "recurrence", "rrule": "FREQ=YEARLY;INTERVAL=4", "start": {"from":
     {"milestone": "in-force"}, "count": 4, "unit": "years", "direction": "before",
     "on_day": {"day": 1, "of": "month"}}},
    {"type": "recurrence", "rrule": "FREQ=DAILY", "start": {"breach_of": "O-2"}, "each": True},
    {"type": "recurrence", "rrule": "FREQ=YEARLY", "start": {"from": {"met": "O-2"},
     "count": 1, "unit": "business_days"}},
    {"type": "trigger", "on": {"milestone": "closing"}, "each": True, "then": {"type": "offset",
     "count": 30, "unit": "minutes"}},
    {"type": "trigger", "on": {"breach_of": "O-2"}, "then": {"type": "offset", "count": 10,
     "unit": "business_days"}},
    {"type": "trigger", "on": {"milestone": "closing"}, "then": {"type": "offset", "count": 1,
     "unit": "years", "from": {"milestone": "in-force"}}},
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_survives_conversion_to_input_values_and_back(rule: dict[str, Any]) -> None:
    stored = dump_due_rule(parse_due_rule(rule))

    posted = RuleValues({name: text for name, text in values_from_rule(stored).items() if text})

    assert dump_due_rule(parse_due_rule(rule_from_values(posted))) == stored


@pytest.fixture
def known(db: None) -> None:
    """Two parties for agreements."""
    for each in (BUYER, SUPPLIER):
        parties.create(draft=read(PartyDraft, each))


def enter(client: Client, **values: Any) -> Any:
    """Post a new agreement with two milestones and these values for its obligation."""
    milestones = {
        "milestones-TOTAL_FORMS": "2",
        "milestones-0-ref": "in-force",
        "milestones-0-title": "Entry into force",
        "milestones-0-on": "2099-02-01",
        "milestones-1-ref": "closing",
    }
    blank = {"obligations-0-due_on": "", "obligations-0-grace_count": ""}
    named = {f"obligations-0-{name}": value for name, value in values.items()}
    return client.post(
        address("agreement", "add"), agreement_form(**{**milestones, **blank, **named})
    )


@pytest.mark.usefixtures("known")
def test_a_due_date_counted_from_a_milestone_is_entered(browser: Client) -> None:
    response = enter(
        browser, due_type="offset", due_count="90", due_unit="days", due_from="milestone",
        due_from_milestone="in-force", due_roll="following",
    )  # fmt: skip

    assert response.status_code == 302, errors(response)
    assert [(each.ref, str(each.on)) for each in Milestone.objects.order_by("id")] == [
        ("in-force", "2099-02-01"),
        ("closing", "None"),
    ]
    deadline = Deadline.objects.get()
    assert str(deadline.due_on) == "2099-05-04"
    page = browser.get(address("deadline", "change", deadline.pk)).content.decode()
    assert "How the date is calculated" in page
    assert "90 days after 2099-02-01" in page
    assert "Computed with tzdata" in page


@pytest.mark.usefixtures("known")
def test_a_recurrence_creates_several_deadlines(browser: Client) -> None:
    response = enter(
        browser, due_type="recurrence", due_rrule="FREQ=MONTHLY;BYMONTHDAY=-1",
        due_start="2026-01-31", due_until="2026-04-30",
    )  # fmt: skip

    assert response.status_code == 302, errors(response)
    assert [str(each.due_on) for each in Deadline.objects.order_by("number")] == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
    ]


@pytest.mark.usefixtures("known")
def test_a_deadline_that_waits_for_a_milestone_is_dormant(browser: Client) -> None:
    response = enter(
        browser, due_type="trigger", due_event="milestone", due_event_milestone="closing",
        due_count="10", due_unit="business_days", due_from="event",
    )  # fmt: skip

    assert response.status_code == 302, errors(response)
    deadline = Deadline.objects.get()
    assert deadline.status == "dormant"
    for page in (
        address("deadline", "change", deadline.pk),
        address("deadline", "record_trigger", deadline.pk),
        address("deadline", "changelist"),
    ):
        assert "no date yet" in browser.get(page).content.decode(), page
    page = browser.get(address("deadline", "change", deadline.pk)).content.decode()
    assert "Dormant until the milestone closing happens." in page

    url = address("agreement", "change", deadline.agreement_id)
    values = {**filled_in(browser, url), "milestones-1-on": "2026-03-02", "confirm": "on"}
    response = browser.post(url, values)
    assert response.status_code == 302, errors(response)
    deadline.refresh_from_db()
    assert str(deadline.due_on) == "2026-03-16"


@pytest.mark.usefixtures("known")
def test_an_obligation_to_maintain_has_a_start_and_an_end(browser: Client) -> None:
    response = enter(
        browser, kind="maintain", target_quantity="", unit="", due_type="date",
        due_on="2099-12-31", starts_type="date", starts_on="2026-02-01",
    )  # fmt: skip

    assert response.status_code == 302, errors(response)
    deadline = Deadline.objects.get()
    assert deadline.status == "holding"
    page = browser.get(address("deadline", "change", deadline.pk)).content.decode()
    assert "Binds until" in page
    assert "2026-01-31 16:00 UTC" in page


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("values", "place", "part"),
    [
        ({"due_type": "offset", "due_count": "x"}, "obligations-0-due", "Number: "),
        ({"due_type": "offset", "due_count": "3"}, "obligations-0-due", "what to count from"),
        (
            {"due_type": "offset", "due_count": "3", "due_from": "milestone",
             "due_from_milestone": "signing"},
            "obligations-0-due", "Start milestone: There is no milestone signing",
        ),
        (
            {"due_type": "recurrence", "due_rrule": "FREQ=HOURLY", "due_start": "2026-01-01"},
            "obligations-0-due", "How often: ",
        ),
        (
            {"due_type": "trigger", "due_count": "3", "due_event": "met"},
            "obligations-0-due", "Obligation: ",
        ),
        (
            {"due_on": "2026-01-01", "starts_on": "2026-02-01"},
            "", "Only an obligation to maintain or refrain",
        ),
    ],
)  # fmt: skip
def test_an_invalid_rule_is_reported_with_the_label_of_its_input(
    browser: Client, values: dict[str, Any], place: str, part: str
) -> None:
    response = enter(browser, **{"due_unit": "days", **values})

    assert response.status_code == 200
    found = errors(response)
    assert part in (" ".join(found[place]) if place else str(found)), found
    assert not Agreement.objects.exists()


def test_a_milestone_that_a_due_date_depends_on_cannot_be_removed(browser: Client) -> None:
    due = {"type": "offset", "from": {"milestone": "m"}, "count": 1, "unit": "days"}
    deadline = create_agreement(obligation(due=due), milestones=[{"ref": "m", "on": "2026-03-01"}])
    url = address("agreement", "change", deadline.agreement_id)

    response = browser.post(url, {**filled_in(browser, url), "milestones-0-DELETE": "on"})

    assert "must stay" in " ".join(errors(response)["milestones"])
    assert Milestone.objects.exists()


@pytest.mark.parametrize("rule", [each for each in RULES if "O-2" not in str(each)])
def test_an_unchanged_rule_of_any_type_is_saved_unchanged(
    browser: Client, rule: dict[str, Any]
) -> None:
    milestones = [{"ref": "in-force", "on": "2026-02-01"}, {"ref": "closing"}]
    deadline = create_agreement(obligation(due=rule), milestones=milestones)
    before = deadline.obligation.due
    url = address("agreement", "change", deadline.agreement_id)

    response = browser.post(url, {**filled_in(browser, url), "obligations-0-title": "Renamed"})

    assert response.status_code == 302, errors(response)
    stored = deadline.obligation
    stored.refresh_from_db()
    assert (stored.title, stored.due) == ("Renamed", before)


PREVIEW = "admin:compliance_obligation_preview"
NINETY_DAYS = {
    "rule_type": "offset",
    "rule_count": "90",
    "rule_unit": "days",
    "rule_from": "date",
    "rule_from_date": "2025-05-14",
}


def previewed(client: Client, **values: Any) -> str:
    """Return the HTML fragment of a preview."""
    response = client.post(reverse(PREVIEW), values)
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.mark.usefixtures("known")
def test_the_preview_shows_dates_instants_in_each_zone_and_the_trace(browser: Client) -> None:
    page = previewed(browser, **NINETY_DAYS, obligor="CHN", obligee="ACME", grace_count="2",
                     grace_unit="days")  # fmt: skip

    for part in (
        "<strong>2025-08-12</strong> Tuesday",
        "2025-08-12 16:00 UTC",
        "2025-08-13 00:00 Asia/Shanghai",
        "2025-08-12 18:00 Europe/Berlin",
        "2025-08-14 16:00 UTC",
        "90 days after 2025-05-14",
        "Computed with tzdata",
    ):
        assert part in page, part


def test_the_preview_shows_warnings(browser: Client) -> None:
    assert "UTC is used" in previewed(browser, **NINETY_DAYS)


@pytest.mark.parametrize(
    ("values", "part", "said"),
    [
        ({"rule_count": "many"}, "count", "Give a whole number"),
        ({"rule_from_date": "2025-02-30"}, "from_date", "does not exist"),
        ({"rule_from": "milestone", "rule_from_milestone": "m"}, "from_milestone", "no milestone"),
        ({"rule_timezone": "Mars"}, "timezone", "time zone"),
        ({"rule_calendars": "XX"}, "calendars", ""),
        ({"grace_count": "2", "grace_unit": "fortnights"}, "", "Grace"),
        ({"obligor": "NOBODY"}, "", "Party NOBODY does not exist"),
    ],
)
def test_the_preview_shows_problems_with_their_input(
    browser: Client, values: dict[str, str], part: str, said: str
) -> None:
    page = previewed(browser, **{**NINETY_DAYS, **values})

    assert f'data-for="{part}"' in page
    assert said in page
    assert "<table" not in page


def test_the_preview_of_nothing_is_empty(browser: Client) -> None:
    assert not previewed(browser, rule_type="date").strip()
    assert not previewed(browser, rule_type="").strip()


def test_the_preview_uses_milestones_that_are_not_saved_yet(browser: Client) -> None:
    rule = {**NINETY_DAYS, "rule_from": "milestone", "rule_from_milestone": "in-force"}
    assert "2025-08-12" in previewed(browser, **rule, milestone=["in-force 2025-05-14"])
    woken = {
        "rule_type": "trigger",
        "rule_event": "milestone",
        "rule_event_milestone": "in-force",
        "rule_count": "1",
        "rule_unit": "days",
    }
    assert "2025-05-15" in previewed(browser, **woken, milestone=["in-force 2025-05-14"])


@pytest.mark.usefixtures("known")
def test_a_recurrence_that_starts_with_a_milestone_is_previewed_and_entered(
    browser: Client,
) -> None:
    values = {
        "type": "recurrence", "rrule": "FREQ=YEARLY;INTERVAL=4", "start_kind": "milestone",
        "start_milestone": "in-force", "start_count": "4", "start_unit": "years", "times": "2",
        "until": "2110-01-01", "on_day_number": "-1", "on_day_of": "business_day:month",
    }  # fmt: skip
    posted = {f"rule_{name}": text for name, text in values.items()}
    assert "2103-02-28" in previewed(browser, **posted, milestone=["in-force 2099-02-01"])
    assert "2104-05-30" in previewed(browser, **posted, rule_event_on="2100-05-01")

    response = enter(browser, **{f"due_{name}": text for name, text in values.items()})

    assert response.status_code == 302, errors(response)
    first, second = Deadline.objects.select_related("obligation")
    assert first.due_on == second.due_on == date(2103, 2, 28)
    due = first.obligation.due
    assert due is not None
    assert due["start"]["from"] == {"milestone": "in-force"}


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"start_kind": "met", "start_obligation": ""}, "start_obligation"),
        ({"start_kind": "milestone", "start_milestone": "m"}, "start_milestone"),
        ({"start_kind": "met", "start_obligation": "A", "start_count": "x"}, "start_count"),
        ({"start": "2026-01-01", "then_count": "x"}, "then_count"),
        ({"start": "2026-01-01", "then_roll": "following"}, "then_count"),
        ({"start": "2026-01-01", "then_count": "1", "timezone": "Mars"}, "timezone"),
        ({"start": "2026-01-01", "on_day_number": "32"}, "on_day_number"),
        ({"start": "2026-01-01", "times": "21"}, "times"),
        ({"start": "2026-01-01", "each": "on"}, "each"),
    ],
)
def test_the_preview_of_a_recurrence_shows_problems_with_their_input(
    browser: Client, values: dict[str, str], part: str
) -> None:
    posted = {"type": "recurrence", "rrule": "FREQ=MONTHLY", **values}
    page = previewed(browser, **{f"rule_{name}": text for name, text in posted.items()})
    assert f'data-for="{part}"' in page, page


def test_the_preview_shows_only_the_first_dates(browser: Client) -> None:
    rule = {"rule_type": "recurrence", "rule_rrule": "FREQ=DAILY", "rule_start": "2026-01-01"}

    page = previewed(browser, **rule)

    assert page.count("<tr>") == 13
    assert "There are more dates" in page


def test_the_preview_escapes_typed_markup(browser: Client) -> None:
    page = previewed(browser, **{**NINETY_DAYS, "rule_timezone": "<script>alert(1)</script>"})

    assert "<script" not in page


@pytest.mark.parametrize(
    ("rights", "status"),
    [
        ((), 403),
        (("view_agreement",), 403),
        (("view_obligation",), 200),
        (("add_obligation",), 200),
    ],
)
@pytest.mark.django_db
def test_the_preview_requires_a_permission_for_obligations(
    rights: tuple[str, ...], status: int
) -> None:
    client = logged_in(staff("clerk@example.org", *rights))

    assert client.post(reverse(PREVIEW), NINETY_DAYS).status_code == status


@pytest.mark.django_db
def test_the_preview_requires_a_login_a_csrf_token_and_a_post(desk: User) -> None:
    assert Client().post(reverse(PREVIEW), NINETY_DAYS).status_code == 302
    assert logged_in(desk).get(reverse(PREVIEW)).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(desk, backend="django.contrib.auth.backends.ModelBackend")
    assert strict.post(reverse(PREVIEW), NINETY_DAYS).status_code == 403


def test_a_milestone_that_follows_from_another_is_entered_and_saved_unchanged(
    browser: Client,
) -> None:
    deadline = create_agreement(
        milestones=[{"ref": "deposit", "on": "2026-03-17"}, {"ref": "in-force"}]
    )
    url = address("agreement", "change", deadline.agreement_id)
    values = {
        "due_type": "offset", "due_count": "2", "due_unit": "months", "due_from": "milestone",
        "due_from_milestone": "deposit", "due_on_day_number": "1",
        "due_on_day_of": "day:month",
    }  # fmt: skip
    rows = {f"milestones-1-{name}": text for name, text in values.items()}

    assert browser.post(url, {**filled_in(browser, url), **rows}).status_code == 302
    in_force = Milestone.objects.get(ref="in-force")
    assert str(in_force.on) == "2026-05-01"

    moved = {**filled_in(browser, url), "milestones-0-on": "2026-04-17"}
    assert browser.post(url, moved).status_code == 302
    in_force.refresh_from_db()
    assert str(in_force.on) == "2026-06-01"
