"""Private calendar feeds, as calendar programs read them."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any

import icalendar
import ics
import pytest
import recurring_ical_events
import vobject
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from compliance.domain import civil_time
from compliance.models import CalendarFeed, Deadline, Obligation, User
from tests.api.answers import get, post
from tests.api.conftest import client_of
from tests.samples import create_agreement, obligation, record

pytestmark = pytest.mark.django_db

TODAY = timezone.now().date()
ICAL_JS = Path(sys.prefix) / "node_modules" / "ical.js" / "dist" / "ical.js"
ZONES = (
    "Africa/Casablanca", "America/New_York", "America/Santiago", "America/St_Johns",
    "Antarctica/Troll", "Asia/Kathmandu", "Asia/Shanghai", "Asia/Tehran", "Australia/Lord_Howe",
    "Europe/Dublin", "Pacific/Chatham", "Pacific/Kiritimati",
)  # fmt: skip


@pytest.fixture
def desk() -> User:
    return User.objects.create_superuser("desk@example.org", "secret")


@pytest.fixture
def api(desk: User) -> Client:
    return client_of(desk)


def create_feed(api: Client, **more: Any) -> str:
    """Return the path of a new feed."""
    row = post(api, "calendar-feeds/", {"name": "Mine", **more})
    assert "url" not in get(api, f"calendar-feeds/{row['id']}/")
    return str(row["url"]).partition("8000")[2] or "/" + str(row["url"]).split("/", 3)[3]


def events(client: Client, path: str) -> dict[str, Any]:
    """Return the events of a feed by the first part of their UID."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    found = icalendar.Calendar.from_ical(answer.content)
    return {str(each["UID"]).split("@")[0]: each for each in found.walk("VEVENT")}


def due_at(day: date, clock: str, zone: str) -> dict[str, Any]:
    return {"type": "date", "on": f"{day}", "time": clock, "timezone": zone}


def test_a_day_is_a_whole_day_and_a_time_of_day_is_an_instant(api: Client, client: Client) -> None:
    day = TODAY + timedelta(days=20)
    create_agreement(
        obligation("O-0", due={"type": "date", "on": f"{day}"}),
        obligation("O-1", due=due_at(day, "17:00", "America/New_York")),
    )
    path = create_feed(api)
    whole, timed = events(client, path).values()
    assert (whole["DTSTART"].dt, whole["DTEND"].dt) == (day, day + timedelta(days=1))
    instant = datetime.combine(day, clock(17), civil_time.zone("America/New_York"))
    assert timed["DTSTART"].dt == instant
    assert "DTEND" not in timed
    assert f"{day.day} {day:%B %Y}, 17:00 (America/New_York)" in timed["DESCRIPTION"]
    text = client.get(path).content
    assert f"DTSTART:{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}\r\n".encode() in text
    assert b"VTIMEZONE" not in text
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in text
    assert b"X-PUBLISHED-TTL:PT1H\r\n" in text


def test_all_calendar_programs_read_the_same_instants(api: Client, client: Client) -> None:
    expected = create_deadlines_in_all_zones()
    text = client.get(create_feed(api)).content
    parsed: Any = icalendar.Calendar.from_ical(text)
    read: dict[str, dict[str, datetime]] = {
        "icalendar": {str(each["UID"]): each["DTSTART"].dt for each in parsed.walk("VEVENT")},
        "recurring-ical-events": {
            str(each["UID"]): each["DTSTART"].dt
            for each in recurring_ical_events.of(parsed).between(
                TODAY, TODAY + timedelta(days=3 * 366)
            )
        },
        "vobject": {
            each.uid.value: each.dtstart.value
            for each in vobject.readOne(text.decode()).vevent_list
        },
        "ics": {each.uid: each.begin.datetime for each in ics.Calendar(text.decode()).events},
    }
    for reader, found in read.items():
        assert as_utc(found) == expected, reader


@pytest.mark.exhaustive
@pytest.mark.skipif(not ICAL_JS.exists(), reason="ical.js is not installed; .ci/run does it")
def test_ical_js_reads_the_same_instants(api: Client, client: Client) -> None:
    expected = create_deadlines_in_all_zones()
    text = client.get(create_feed(api)).content
    script = Path(__file__).with_name("read_calendar.mjs")
    command = ["node", str(script), str(ICAL_JS)]
    answer = subprocess.run(command, input=text, capture_output=True, check=True)
    found = {uid: datetime.fromisoformat(at) for uid, at in json.loads(answer.stdout).items()}
    assert as_utc(found) == expected


def create_deadlines_in_all_zones() -> dict[str, datetime]:
    """Create deadlines by day and night over two years; return their instants by UID."""
    times = [
        (TODAY + timedelta(days=step), at)
        for step in range(10, 740, 91)
        for at in (clock(1, 15), clock(13, 45))
    ]
    create_agreement(
        *(
            obligation(f"O-{number}-{index}", due=due_at(day, f"{at:%H:%M}", zone))
            for number, zone in enumerate(ZONES)
            for index, (day, at) in enumerate(times)
        )
    )
    found = {}
    for each in Deadline.objects.select_related("obligation"):
        _, number, index = each.obligation.ref.split("-")
        zone = civil_time.zone(ZONES[int(number)])
        found[f"deadline-{each.pk}"] = datetime.combine(*times[int(index)], zone).astimezone(UTC)
    assert len(found) == len(ZONES) * len(times)
    return found


def as_utc(instants: dict[str, datetime]) -> dict[str, datetime]:
    return {uid.split("@")[0]: at.astimezone(UTC) for uid, at in instants.items()}


def test_an_event_keeps_its_uid_when_the_service_moves(
    api: Client, client: Client, settings: Any
) -> None:
    create_agreement(obligation(due={"type": "date", "on": f"{TODAY + timedelta(days=20)}"}))
    path = create_feed(api)
    [before] = events(client, path).values()
    settings.SITE_URL = "https://pacta.example.net"
    [after] = events(client, path).values()
    assert after["UID"] == before["UID"]
    assert after["URL"].startswith("https://pacta.example.net/")


@pytest.mark.exhaustive
def test_a_feed_of_5000_events_takes_less_than_a_second(api: Client, client: Client) -> None:
    due = due_at(TODAY + timedelta(days=1), "17:00", "America/New_York")
    create_agreement(obligation(due=due, title="Lieferung nach Zürich " * 4))
    values: Any = Deadline.objects.values().get()
    copies = []
    for number in range(2, 5_001):
        at = values["due_at"] + timedelta(hours=1)
        values |= {"id": None, "number": number, "due_at": at, "unmet_at": at}
        copies.append(Deadline(**values))
    Deadline.objects.bulk_create(copies)
    path = create_feed(api)
    times = []
    for _ in range(3):
        # The time of the process, because other processes may keep this machine busy.
        begun = time.process_time()
        text = client.get(path).content
        times.append(time.process_time() - begun)
    print("a feed of 5,000 events took", ", ".join(f"{each:.2f} s" for each in times))
    assert text.count(b"BEGIN:VEVENT") == 5_000
    assert min(times) < 1


def test_changed_and_cancelled_deadlines_update_their_events(api: Client, client: Client) -> None:
    deadline = create_agreement(
        obligation(due={"type": "date", "on": f"{TODAY + timedelta(days=20)}"})
    )
    path = create_feed(api, agreement="supply")
    uid = f"deadline-{deadline.pk}"
    before = events(client, path)[uid]
    now = timezone.now()
    later = TODAY + timedelta(days=40)
    due = {"type": "date", "on": f"{later}"}
    record(deadline, as_of=now, type="extension", on=f"{TODAY}", due=due)
    moved = events(client, path)[uid]
    assert moved["DTSTART"].dt == later
    assert moved["SEQUENCE"] > before["SEQUENCE"]
    assert moved["STATUS"] == "CONFIRMED"
    record(deadline, as_of=now + timedelta(hours=1), type="waiver", on=f"{TODAY}")
    waived = events(client, path)[uid]
    assert (waived["STATUS"], str(waived["SUMMARY"])) == ("CANCELLED", "Waived: Deliver lot O-1")
    assert waived["SEQUENCE"] > moved["SEQUENCE"]


def test_a_line_break_in_a_title_adds_no_line(api: Client, client: Client) -> None:
    create_agreement(obligation(due={"type": "date", "on": f"{TODAY + timedelta(days=20)}"}))
    Obligation.objects.update(title="x\r\nATTENDEE:mailto:a@example.org\nEND:VEVENT " + "é" * 90)
    path = create_feed(api)
    [event] = events(client, path).values()
    assert "ATTENDEE" not in event
    assert all(len(line) <= 75 for line in client.get(path).content.split(b"\r\n"))


def test_wrong_revoked_and_guessed_urls_are_indistinguishable(
    api: Client, client: Client, desk: User
) -> None:
    create_agreement(obligation(due={"type": "date", "on": f"{TODAY + timedelta(days=20)}"}))
    good, revoked, orphaned = create_feed(api), create_feed(api), None
    post(api, f"calendar-feeds/{CalendarFeed.objects.order_by('id')[1].pk}/revoke/", {}, 200)
    other = User.objects.create_superuser("other@example.org", "secret")
    orphaned = create_feed(client_of(other))
    User.objects.filter(pk=other.pk).update(is_active=False)
    wrong = [
        revoked,
        orphaned,
        "/calendar-feeds/x.ics",
        good[:-5] + "x.ics",
        "/calendar-feeds/%00%ff.ics",
    ]
    answers = set()
    for path in wrong:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.get(path)
        answers.add((answer.status_code, answer.content, len(queries)))
    assert answers == {(404, b"There is no such calendar.\n", 1)}
    times: dict[str, list[float]] = {path: [] for path in wrong}
    for _ in range(50):
        for path in wrong:
            begun = time.perf_counter()
            client.get(path)
            times[path].append(time.perf_counter() - begun)
    medians = [statistics.median(each) * 1e6 for each in times.values()]
    print("medians in microseconds:", [round(each) for each in medians])
    assert client.get(good).status_code == 200


def test_a_feed_requires_permission_to_view_deadlines(client: Client) -> None:
    create_agreement(obligation(due={"type": "date", "on": f"{TODAY + timedelta(days=20)}"}))
    lee = User.objects.create_user("lee@example.org", "secret")

    def rights(*names: str) -> Any:
        return Permission.objects.filter(codename__in=names)

    lee.user_permissions.set(rights("add_calendarfeed", "view_calendarfeed"))
    problem = post(client_of(lee), "calendar-feeds/", {"name": "Mine"}, 400)
    assert "may not view" in problem["detail"]
    assert not CalendarFeed.objects.exists()
    lee.user_permissions.add(*rights("view_deadline"))
    path = create_feed(client_of(lee))
    assert client.get(path).status_code == 200
    lee.user_permissions.set([])
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path)
    assert (answer.status_code, answer.content) == (404, b"There is no such calendar.\n")
    assert len(queries) == 1
    group = Group.objects.create(name="Readers")
    group.permissions.set(rights("view_deadline"))
    lee.groups.add(group)
    assert client.get(path).status_code == 200


def test_malformed_feed_urls_are_not_found(client: Client) -> None:
    odd = ["x" * 100_000, "%00", "%ff%fe", "%ed%a0%80", "\u00e9", "%2e%2e", "a%0ab", "%25", "'--"]
    answers = {
        (answer.status_code, answer.content, tuple(answer.headers.items()))
        for answer in (client.get(f"/calendar-feeds/{each}.ics") for each in odd)
    }
    assert len(answers) == 1
    assert {status for status, *_ in answers} == {404}
    for method in ("post", "put", "delete", "patch"):
        assert getattr(client, method)("/calendar-feeds/x.ics").status_code == 405


def test_an_unknown_time_zone_does_not_change_the_instant(api: Client, client: Client) -> None:
    day = TODAY + timedelta(days=20)
    deadline = create_agreement(obligation(due=due_at(day, "17:00", "America/New_York")))
    Deadline.objects.update(timezone="America/Atlantis")
    [event] = events(client, create_feed(api)).values()
    assert event["DTSTART"].dt.astimezone(UTC) == deadline.due_at


def test_an_unchanged_feed_is_not_sent_again(api: Client, client: Client) -> None:
    create_agreement(obligation(due={"type": "date", "on": f"{TODAY + timedelta(days=20)}"}))
    path = create_feed(api)
    tag = client.get(path)["ETag"]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304


def test_an_event_links_to_the_page_of_its_deadline(
    api: Client, client: Client, desk: User
) -> None:
    deadline = create_agreement(
        obligation(due={"type": "date", "on": f"{TODAY + timedelta(days=20)}"})
    )
    [event] = events(client, create_feed(api)).values()
    client.force_login(desk, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get("/" + str(event["URL"]).split("/", 3)[3])
    assert page.status_code == 200
    assert page.context["original"] == deadline
    assert "Deliver lot O-1" in page.content.decode()
