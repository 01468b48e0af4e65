"""due-rules/preview/: the due dates of a rule, with the trace, before anything is stored."""

from __future__ import annotations

from time import thread_time
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from compliance.models import Deadline, LedgerEntry, Obligation, User
from tests.api.answers import get, paths, post
from tests.api.conftest import client_of
from tests.domain.expensive_rules import HARMLESS, REFUSED
from tests.samples import create_agreement, obligation
from tests.shared_worlds import in_one_world

PREVIEW = "due-rules/preview/"
DAY = {"type": "date", "on": "2026-05-14"}
GUESSED = "No time zone or obligor is given, so UTC is used."
CALENDARS = (
    "US", "CN", "DE-BY", "FR", "GB", "JP", "IN", "BR", "IL", "SA", "IR", "KR", "TR", "EG", "MX",
    "CA", "AU", "RU", "ZA", "ID",
)  # fmt: skip


def offset(count: int = 14, unit: str = "days", **more: Any) -> dict[str, Any]:
    """Return an offset rule, from 19 June 2026 by default."""
    anchor = more.pop("anchor", {"date": "2026-06-19"})
    return {"type": "offset", "from": anchor, "count": count, "unit": unit, **more}


def every(rrule: str, start: object = "2026-01-31", **more: Any) -> dict[str, Any]:
    """Return a recurrence rule."""
    return {"type": "recurrence", "rrule": rrule, "start": start, **more}


def when(**event: str) -> dict[str, Any]:
    """Return a rule that is due three days after an event."""
    return {"type": "trigger", "on": event, "then": {"type": "offset", "count": 3, "unit": "days"}}


def preview(client: Client, rule: object, expected: int = 200, /, **context: Any) -> Any:
    """Return the preview of a rule."""
    return post(client, PREVIEW, {"rule": rule, **context}, expected)


def test_a_preview_shows_the_trace(api: Client) -> None:
    found = preview(
        api,
        every("FREQ=MONTHLY;BYMONTHDAY=31", end_of_month=True, roll="modified_following",
              calendars=["DE-BY"], timezone="Europe/Berlin"),
        limit=2,
        grace={"count": 5, "unit": "business_days"},
    )  # fmt: skip
    assert found["dates"] == ["2026-01-30", "2026-02-27"]
    assert found["deadlines"][0] == {
        "due_on": "2026-01-30",
        "due_at": "2026-01-30T23:00:00Z",
        "unmet_at": "2026-02-06T23:00:00Z",
        "earliest_due_at": None,
        "timezone": "Europe/Berlin",
        "local": {"Europe/Berlin": "2026-01-31T00:00:00+01:00"},
    }
    assert found["trace"][:4] == [
        "Date 1 of FREQ=MONTHLY;BYMONTHDAY=31 from 2026-01-31: 2026-01-31, a Saturday.",
        "2026-01-31 is a Saturday; modified following: 2026-01-30, a Friday.",
        "End of 2026-01-30, a Friday, in Europe/Berlin: 2026-01-30T23:00Z.",
        "Grace of 5 business days: unmet from 2026-02-06T23:00Z.",
    ]
    assert found["trace"][-1].startswith("Computed with tzdata ")
    assert found["warnings"] == ["There are more dates: these are the first 2."]
    assert found["rule"]["rrule"] == "FREQ=MONTHLY;BYMONTHDAY=31"
    assert (found["earliest"], found["latest"]) == (None, None)


def test_a_preview_returns_the_rule_with_all_fields(api: Client) -> None:
    rule = preview(api, offset())["rule"]
    assert rule["from"] == {"date": "2026-06-19"}
    assert (rule["direction"], rule["roll"], rule["method"]) == ("after", "none", None)
    assert preview(api, rule)["rule"] == rule


def test_without_a_zone_the_day_ends_in_utc_with_a_warning(api: Client) -> None:
    found = preview(api, DAY)
    assert found["deadlines"][0]["due_at"] == "2026-05-15T00:00:00Z"
    assert found["warnings"] == [GUESSED]


def test_the_most_specific_zone_applies(api: Client) -> None:
    create_agreement(ref="here")
    create_agreement(ref="there", timezone="America/New_York")
    for context, zone_name in (
        ({"obligor": "CHN"}, "Asia/Shanghai"),
        ({"obligor": "CHN", "agreement": "here"}, "Asia/Shanghai"),
        ({"obligor": "CHN", "agreement": "there"}, "America/New_York"),
        ({"obligor": "CHN", "agreement": "there", "timezone": "Asia/Tokyo"}, "Asia/Tokyo"),
    ):
        found = preview(api, DAY, **context)
        assert (found["deadlines"][0]["timezone"], found["warnings"]) == (zone_name, [])
        rule = DAY | {"timezone": "Europe/Paris"}
        assert preview(api, rule, **context)["deadlines"][0]["timezone"] == "Europe/Paris"


def test_a_preview_can_use_the_calendars_milestones_and_deadlines_of_an_agreement(
    api: Client,
) -> None:
    create_agreement(
        obligation("A", "2026-05-01"),
        calendars=["DE-BY"],
        timezone="Europe/Berlin",
        milestones=[{"ref": "in-force", "on": "2026-05-01"}, {"ref": "later"}],
    )
    context = {"agreement": "supply"}
    # There, 1 May is Labour Day and 14 May is Ascension Day.
    found = preview(api, offset(9, "business_days", anchor={"milestone": "in-force"}), **context)
    assert found["dates"] == ["2026-05-15"]
    assert preview(api, offset(2, "weeks", anchor={"deadline": "A"}), **context)["dates"] == [
        "2026-05-15"
    ]
    dormant = preview(api, offset(anchor={"milestone": "later"}), **context)
    assert (dormant["dates"], dormant["deadlines"]) == ([], [])
    assert dormant["warnings"] == ["Dormant until the milestone later has a date."]


def test_a_trigger_is_dormant_until_its_event_is_known(api: Client) -> None:
    create_agreement(
        obligation("A"), timezone="UTC", milestones=[{"ref": "M", "on": "2026-05-01"}, {"ref": "N"}]
    )
    context = {"agreement": "supply"}
    assert preview(api, when(milestone="M"), **context)["dates"] == ["2026-05-04"]
    for event, warning in (
        ({"milestone": "N"}, "Dormant until the milestone N happens."),
        ({"breach_of": "A"}, "Dormant until A is breached."),
        ({"met": "A"}, "Dormant until A is met."),
    ):
        found = preview(api, when(**event), **context)
        assert (found["dates"], found["warnings"]) == ([], [warning])


def test_both_days_are_returned_when_readings_of_a_method_differ(api: Client) -> None:
    found = preview(api, offset(method="frcp-6", calendars=["US"], timezone="America/New_York"))
    assert (found["earliest"], found["latest"]) == ("2026-07-03", "2026-07-06")
    assert (found["earliest_at"], found["latest_at"]) == (
        "2026-07-04T04:00:00Z", "2026-07-07T04:00:00Z",
    )  # fmt: skip
    [deadline] = found["deadlines"]
    assert (deadline["due_on"], deadline["earliest_due_at"]) == (
        "2026-07-06",
        "2026-07-04T04:00:00Z",
    )
    assert any(sentence.startswith("Readings differ") for sentence in found["trace"])


def test_a_two_sided_day_ends_at_a_different_instant_in_each_zone(api: Client) -> None:
    create_agreement()
    found = preview(api, DAY | {"is_two_sided": True}, obligor="CHN", obligee="ACME")
    assert (found["earliest"], found["latest"]) == ("2026-05-14", "2026-05-14")
    assert (found["earliest_at"], found["latest_at"]) == (
        "2026-05-14T16:00:00Z", "2026-05-14T22:00:00Z",
    )  # fmt: skip
    [deadline] = found["deadlines"]
    assert deadline["local"] == {
        "Asia/Shanghai": "2026-05-15T06:00:00+08:00",
        "Europe/Berlin": "2026-05-15T00:00:00+02:00",
    }


@in_one_world(
    ("body", "path"),
    [
        ({}, "rule"),
        ({"rule": "tomorrow"}, "rule"),
        ({"rule": {"on": "2026-05-14"}}, "rule/type"),
        ({"rule": {"type": "moon"}}, "rule/type"),
        ({"rule": {"type": "date", "on": "2026-02-30"}}, "rule/on"),
        ({"rule": DAY | {"timezone": "Mars"}}, "rule/timezone"),
        ({"rule": offset(-1)}, "rule/count"),
        ({"rule": offset(100_001)}, "rule/count"),
        ({"rule": offset(100_000, "years")}, "rule/count"),
        ({"rule": offset(1, "fortnights")}, "rule/unit"),
        ({"rule": offset(anchor=None)}, "rule/from"),
        ({"rule": offset(anchor={"date": "2026-06-19", "milestone": "M"})}, "rule/from"),
        ({"rule": offset(anchor={"milestone": "M"})}, "rule/from/milestone"),
        ({"rule": offset(calendars=["ATLANTIS"])}, "rule/calendars/0"),
        ({"rule": offset(calendars=["custom:hq"])}, "rule/calendars"),
        ({"rule": offset(method="frcp-7")}, "rule/method"),
        ({"rule": every("FREQ=SECONDLY")}, "rule/rrule"),
        ({"rule": every("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")}, "rule/rrule"),
        ({"rule": when(milestone="M")}, "rule/on/milestone"),
        ({"rule": when(met="Z"), "agreement": "supply"}, "rule/on/met"),
        ({"rule": when(breach_of="Z"), "agreement": "supply"}, "rule/on/breach_of"),
        ({"rule": when()}, "rule/on"),
        ({"rule": DAY, "agreement": "nothing"}, "agreement"),
        ({"rule": DAY, "obligor": "FRA"}, "obligor"),
        ({"rule": DAY, "obligee": "FRA"}, "obligee"),
        ({"rule": DAY, "timezone": "CET+1"}, "timezone"),
        ({"rule": DAY, "limit": 0}, "limit"),
        ({"rule": DAY, "limit": 1_001}, "limit"),
        ({"rule": DAY, "grace": {"count": -1, "unit": "days"}}, "grace/count"),
        ({"rule": {"type": "date", "on": "2200-12-31"}, "grace": {"count": 9, "unit": "days"}},
         "grace/count"),
        ({"rule": DAY, "ruel": DAY}, "ruel"),
    ],
)  # fmt: skip
def test_an_invalid_rule_is_refused_at_the_field(
    api: Client, supply: Deadline, body: dict[str, object], path: str
) -> None:
    assert paths(post(api, PREVIEW, body, 400)) == {path}


EXPENSIVE: list[dict[str, Any]] = [
    {
        "rule": every("FREQ=DAILY"),
        "limit": 1_000,
        "grace": {"count": 3650, "unit": "business_days"},
    },
    {"rule": offset(100_000, "business_days", calendars=CALENDARS)},
    {"rule": offset(6_000, "business_days", calendars=CALENDARS)},
    *({"rule": every(rule, str(start)), "limit": 1_000} for rule, start, _ in REFUSED),
    *({"rule": every(rule, str(start)), "limit": 1_000} for rule, start, _ in HARMLESS),
]


# The tests of recurrences try all of them every day.
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(body, marks=() if n < 3 or n % 8 == 0 else pytest.mark.exhaustive)
        for n, body in enumerate(EXPENSIVE)
    ],
    ids=lambda body: body["rule"].get("rrule", "offset")[:40],
)
def test_an_expensive_rule_is_answered_quickly(api: Client, body: dict[str, Any]) -> None:
    # The processor time of this thread, which other work on the machine does not add to.
    before = thread_time()
    response = api.post(f"/api/v1/{PREVIEW}", body, content_type="application/json")
    assert response.status_code in {200, 400}
    assert thread_time() - before < 2


def test_many_calendars_shorten_the_list_and_a_warning_says_so(api: Client) -> None:
    rule = every("FREQ=YEARLY", "1900-01-01", roll="following", calendars=CALENDARS)
    found = preview(api, rule, limit=1_000)
    assert len(found["dates"]) == 50
    assert "There are more dates: these are the first 50." in found["warnings"]


@pytest.mark.parametrize(
    ("calendar", "start", "earliest", "latest"),
    [
        ("HK", "2026-04-02", None, "2026-04-08"),
        ("HK", "2020-12-24", None, "2020-12-28"),
        ("HK:public", "2026-04-02", None, "2026-04-03"),
        ("CA", "2026-10-09", None, "2026-10-13"),
        ("TARGET", "2026-04-30", None, "2026-05-04"),
        ("GB", "2026-04-02", "2026-04-06", "2026-04-07"),
    ],
)
def test_business_days_are_those_of_the_law(
    api: Client, calendar: str, start: str, earliest: str | None, latest: str
) -> None:
    rule = offset(1, "business_days", anchor={"date": start}, calendars=[calendar])
    found = preview(api, rule)
    assert found["dates"] == [latest]
    assert found["earliest"] == earliest
    if earliest:
        assert any("differ by place or purpose" in each for each in found["warnings"])


def test_a_preview_stores_nothing(api: Client) -> None:
    create_agreement(milestones=[{"ref": "M", "on": "2026-05-01"}])
    models = (Obligation, Deadline, LedgerEntry)
    before = [list(model.objects.values()) for model in models]
    for rule in (DAY, offset(anchor={"milestone": "M"}), every("FREQ=DAILY"), when(met="O-1")):
        preview(api, rule, agreement="supply")
    assert before == [list(model.objects.values()) for model in models]


def test_a_preview_costs_the_same_queries_however_much_there_is(
    api: Client, django_assert_max_num_queries: Any
) -> None:
    create_agreement(*(obligation(f"O-{number}") for number in range(30)),
          milestones=[{"ref": f"M-{number}"} for number in range(30)])  # fmt: skip
    context = {"agreement": "supply", "obligor": "CHN", "obligee": "ACME", "limit": 1_000}
    for rule in (DAY, every("FREQ=DAILY"), offset(anchor={"deadline": "O-1"})):
        with django_assert_max_num_queries(8):
            preview(api, rule, **context)


def test_readers_may_preview_even_with_a_read_only_token(client: Client, desk: User) -> None:
    assert preview(client_of(desk, is_read_only=True), DAY)["dates"] == ["2026-05-14"]
    preview(client, DAY, 401)
    lee = User.objects.create_user("lee@example.org", "secret")
    assert "view agreements" in preview(client_of(lee), DAY, 403)["detail"]
    names = ("view_agreement", "view_party", "view_deadline")
    lee.user_permissions.add(*Permission.objects.filter(codename__in=names))
    preview(client_of(lee), DAY)


def test_the_way_in_shows_where_to_preview(client: Client) -> None:
    assert get(client, "")["due-rules-preview"] == f"http://testserver/api/v1/{PREVIEW}"


def test_a_rule_that_waits_can_be_previewed_for_a_supposed_day(api: Client) -> None:
    create_agreement(obligation("A"), timezone="UTC", milestones=[{"ref": "N"}])
    context = {"agreement": "supply", "event_on": "2026-05-01"}
    assert preview(api, when(breach_of="A"), **context)["dates"] == ["2026-05-04"]
    yearly = every("FREQ=YEARLY", start={"met": "A"})
    assert preview(api, yearly, **context, limit=2)["dates"] == ["2026-05-01", "2027-05-01"]
    assert preview(api, yearly, agreement="supply")["warnings"] == ["Dormant until A is met."]
    refused = preview(api, DAY, 400, **context)
    assert paths(refused) == {"event_on"}
    for start, path in (
        ({"milestone": "X"}, "rule/start/milestone"),
        ({"from": {"breach_of": "X"}, "count": 1, "unit": "days"}, "rule/start/from/breach_of"),
    ):
        unknown = every("FREQ=YEARLY", start=start)
        assert paths(preview(api, unknown, 400, agreement="supply")) == {path}
