"""The page of a deadline, and the forms that it opens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from compliance.models import Agreement, Breach, Deadline, Evidence, Fact, Position
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import act, address, errors
from tests.samples import create_agreement, obligation, record, utc
from tests.shared_worlds import in_one_world

RECORDS = (
    "record_performance",
    "record_extension",
    "record_waiver",
    "state_position",
    "add_evidence",
    "retract_fact",
    "cancel_deadline",
)

DOCUMENT = {"ref": "E99", "title": "A record", "kind": "document", "stance": "for"}


def test_the_page_shows_the_whole_case(browser: Client, rare_earths: Deadline) -> None:
    page = browser.get(address("deadline", "change", rare_earths.pk)).content.decode()

    for part in (
        "CN-2d Release rare-earth exports",
        "seven medium and heavy rare earths",
        "Joint Statement, para. on China&#x27;s non-tariff countermeasures",
        "2025-05-14 16:00 UTC",
        "Asia/Shanghai",
        "The due date passed without an accepted performance.",
        "HAS TOTALLY VIOLATED ITS AGREEMENT WITH US",
        "groundless accusations",
        "President Trump: agreement violated",
        "still open",
        ">disputed<",
        ">unmet<",
    ):
        assert part in page, part


def test_the_list_of_facts_does_not_load_how_each_due_date_was_computed(
    browser: Client, rare_earths: Deadline
) -> None:
    with CaptureQueriesContext(connection) as queries:
        page = browser.get(address("fact", "changelist")).content.decode()
    assert "performance" in page
    statements = [each["sql"] for each in queries if 'FROM "compliance_fact"' in each["sql"]]
    assert statements
    assert not any('"trace"' in each or '"moves"' in each for each in statements)


def test_the_timeline_shows_projected_changes(browser: Client) -> None:
    deadline = create_agreement(obligation(due_on="2099-03-15", grace={"count": 5, "unit": "days"}))

    page = browser.get(address("deadline", "change", deadline.pk)).content.decode()

    assert page.count("if nothing more happens") == 2
    assert "2099-03-20 16:00 UTC" in page
    assert "The grace period ended" in page


@in_one_world(
    ("values", "status", "end"),
    [
        ({"on": "2025-05-13"}, "met", "voided"),
        ({"on": "2025-06-20", "note": "Licences granted"}, "met_late", "performed"),
        ({"on": "2025-05-14", "time": "15:59", "timezone": "UTC"}, "met", "voided"),
        (
            {"on": "2025-05-15", "time": "00:01"},
            "met_late",
            "performed",
        ),
    ],
)
def test_a_performance_is_recorded(
    browser: Client, rare_earths: Deadline, values: dict[str, str], status: str, end: str
) -> None:
    response = act(browser, rare_earths, "record_performance", evidence=["E5"], **values)

    assert response.status_code == 302
    assert response["Location"] == address("deadline", "change", rare_earths.pk)
    fact = Fact.objects.get(deadline=rare_earths)
    assert fact.recorded_by is not None
    assert fact.recorded_by.email == "desk@example.org"
    assert [each.ref for each in fact.evidence.all()] == ["E5"]
    rare_earths.refresh_from_db()
    assert rare_earths.status == status
    assert Breach.objects.get(deadline=rare_earths).end_reason == end


def test_a_partial_performance_counts_towards_the_target(browser: Client) -> None:
    deadline = create_agreement(obligation(due_on="2026-03-15", target_quantity=100, unit="t"))

    act(browser, deadline, "record_performance", on="2026-03-14", quantity="60")

    deadline.refresh_from_db()
    assert deadline.status == "partly_met"


def test_an_extension_moves_the_due_date(browser: Client, rare_earths: Deadline) -> None:
    response = act(browser, rare_earths, "record_extension", due_on="2099-01-31", on="2025-05-20")

    assert response.status_code == 302
    rare_earths.refresh_from_db()
    assert str(rare_earths.due_on) == "2099-01-31"
    assert str(rare_earths.due_at) == "2099-01-31 16:00:00+00:00"
    assert rare_earths.status == "pending"
    assert Breach.objects.get(deadline=rare_earths).end_reason == "extended"


def test_a_waiver_and_a_cancellation_close_a_deadline(browser: Client) -> None:
    waived = create_agreement(obligation(), ref="one")
    cancelled = create_agreement(obligation(), ref="two")

    act(browser, waived, "record_waiver", on="2026-02-02")
    act(browser, cancelled, "cancel_deadline", on="2026-02-02")

    waived.refresh_from_db()
    cancelled.refresh_from_db()
    assert [waived.status, cancelled.status] == ["waived", "cancelled"]


def test_a_retracted_fact_has_no_effect_but_stays_on_the_page(browser: Client) -> None:
    deadline = create_agreement(obligation(due_on="2026-03-15"))
    fact = record(deadline, as_of=utc("2026-03-01T00:00"), type="performance", on="2026-02-20")

    values = {"fact": str(fact.pk), "note": "Wrong ship"}
    unconfirmed = act(browser, deadline, "retract_fact", **values)
    assert "This would mean that the deadline has been unmet since" in unconfirmed.content.decode()
    response = act(browser, deadline, "retract_fact", **values, confirm="on")

    assert response.status_code == 302
    deadline.refresh_from_db()
    assert deadline.status == "unmet"
    page = browser.get(address("deadline", "change", deadline.pk)).content.decode()
    assert "(superseded)" in page
    assert "Wrong ship" in page
    form = browser.get(address("deadline", "retract_fact", deadline.pk)).content.decode()
    assert "No effective facts are recorded" in form


def test_differing_positions_mark_the_deadline_as_disputed(browser: Client) -> None:
    deadline = create_agreement()

    said = {"on": "2026-02-20", "quote": "All there"}
    act(browser, deadline, "state_position", party="CHN", verdict="met", **said)
    act(browser, deadline, "state_position", party="ACME", verdict="not_met", on="2026-02-21")

    deadline.refresh_from_db()
    assert deadline.is_disputed
    assert Position.objects.filter(recorded_by__email="desk@example.org").count() == 2


def test_evidence_is_added_from_the_deadline(browser: Client, rare_earths: Deadline) -> None:
    response = act(
        browser,
        rare_earths,
        "add_evidence",
        ref="E99",
        title="Customs record",
        kind="document",
        stance="for",
        url="https://example.org/1",
        asserted_by="CHN",
        published_on="2025-06-20",
    )

    assert response.status_code == 302
    evidence = Evidence.objects.get(ref="E99")
    assert [each.ref for each in evidence.obligations.all()] == ["CN-2d"]


@in_one_world(
    ("action", "values", "place", "part"),
    [
        ("record_performance", {"on": ""}, "on", "Enter the date"),
        ("record_performance", {"on": "2026-02-30"}, "on", "valid date"),
        ("record_performance", {"on": "2199-01-01"}, "on", "future"),
        ("record_performance", {"on": "1066-10-14", "time": "09:00"}, "on", ""),
        ("record_performance", {"on": "2025-05-14", "evidence": ["E77"]}, "evidence", "E77"),
        ("record_extension", {"on": "2025-05-14", "due_time": "09:00"}, "due_on", "new due date"),
        ("replace_obligation", {"on": "2025-05-14"}, "successor", ""),
        ("replace_obligation", {"on": "2025-05-14", "successor": "X-9"}, "successor", "X-9"),
        ("state_position", {"on": "2025-05-14", "verdict": "met", "party": ""}, "party", ""),
        ("add_evidence", {**DOCUMENT, "ref": "E1"}, "ref", "already"),
        ("add_evidence", {**DOCUMENT, "url": "javascript:1"}, "url", "https://"),
        ("retract_fact", {"fact": "1"}, "fact", ""),
    ],
)  # fmt: skip
def test_problems_are_shown_on_their_field(
    browser: Client,
    rare_earths: Deadline,
    action: str,
    values: dict[str, str],
    place: str,
    part: str,
) -> None:
    before = (Fact.objects.count(), Position.objects.count(), Evidence.objects.count())

    response = act(browser, rare_earths, action, **values)

    assert response.status_code == 200
    assert part in " ".join(errors(response)[place])
    assert (Fact.objects.count(), Position.objects.count(), Evidence.objects.count()) == before


def test_a_nonexistent_local_time_is_rejected(browser: Client) -> None:
    deadline = create_agreement(obligation(obligors=["ACME"], obligees=["CHN"]))

    response = act(browser, deadline, "record_performance", on="2026-03-29", time="02:30")

    assert "time" in errors(response)
    assert not Fact.objects.exists()


@in_one_world("action", RECORDS)
def test_opening_a_form_changes_nothing(
    browser: Client, rare_earths: Deadline, action: str
) -> None:
    facts = Fact.objects.count()

    assert browser.get(address("deadline", action, rare_earths.pk)).status_code == 200
    assert Fact.objects.count() == facts


@in_one_world("action", RECORDS)
def test_a_viewer_cannot_record(viewer: Client, rare_earths: Deadline, action: str) -> None:
    page = viewer.get(address("deadline", "change", rare_earths.pk))

    assert page.status_code == 200
    assert address("deadline", action, rare_earths.pk) not in page.content.decode()
    assert viewer.get(address("deadline", action, rare_earths.pk)).status_code == 403
    assert act(viewer, rare_earths, action, on="2025-06-01").status_code == 403
    assert not Fact.objects.filter(deadline=rare_earths).exists()


def test_recording_requires_permission_to_view_deadlines(rare_earths: Deadline) -> None:
    client = logged_in(staff("clerk@example.org", "add_fact"))

    assert act(client, rare_earths, "record_waiver", on="2025-06-01").status_code == 403


def test_recording_requires_a_csrf_token(desk: object, rare_earths: Deadline) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(desk, backend="django.contrib.auth.backends.ModelBackend")  # type: ignore[arg-type]

    assert act(client, rare_earths, "record_waiver", on="2025-06-01").status_code == 403
    assert not Fact.objects.filter(deadline=rare_earths).exists()


def test_derived_columns_cannot_be_posted(browser: Client, rare_earths: Deadline) -> None:
    values = {"status": "met", "due_at_0": "2030-01-01", "is_disputed": "", "obligation": "1"}

    response = browser.post(address("deadline", "change", rare_earths.pk), values)

    assert response.status_code == 403
    rare_earths.refresh_from_db()
    assert rare_earths.status == "unmet"


def test_an_unknown_deadline_is_not_found(browser: Client, rare_earths: Deadline) -> None:
    for unknown in ("999999", "nonsense"):
        assert browser.get(address("deadline", "record_waiver", unknown)).status_code == 404


def test_a_deadline_that_cannot_be_projected_still_has_a_page(
    browser: Client, rare_earths: Deadline, monkeypatch: pytest.MonkeyPatch
) -> None:
    Deadline.objects.filter(pk=rare_earths.pk).update(quarantine_error="ValueError('broken')")

    def broken(*args: object, **named: object) -> None:
        raise ValueError

    monkeypatch.setattr("compliance.admin.deadlines.deadline_page.timelines.timeline", broken)
    page = browser.get(address("deadline", "change", rare_earths.pk))

    assert "broken" in page.content.decode()
    listing = browser.get(address("deadline", "changelist"), {"attention": "quarantined"})
    assert listing.context["cl"].result_count == 1


def test_the_list_is_ordered_by_urgency(browser: Client) -> None:
    now = timezone.now()
    day = timedelta(days=1)
    create_agreement(
        obligation(ref="next", due_on=str((now + 3 * day).date())),
        obligation(ref="later", due_on=str((now + 9 * day).date())),
        obligation(ref="lately", due_on=str((now - 3 * day).date())),
        obligation(ref="long", due_on=str((now - 30 * day).date())),
        obligation(ref="done", due_on=str((now - 60 * day).date())),
        as_of=now,
    )
    done = Deadline.objects.get(obligation__ref="done")
    record(done, as_of=now, type="performance", on=str((now - 61 * day).date()))

    rows = browser.get(address("deadline", "changelist")).context["cl"].result_list

    assert [row.obligation.ref for row in rows] == ["long", "lately", "next", "later", "done"]


@in_one_world(
    ("query", "count"),
    [
        ({"status__exact": "unmet"}, 1),
        ({"obligation__severity__exact": "high"}, 5),
        ({"is_disputed__exact": "1"}, 1),
        ({"q": "rare-earth"}, 1),
        ({"q": "United States"}, 9),
        ({"q": "CN-2"}, 4),
    ],
)
def test_the_list_is_filtered_and_searched(
    browser: Client, geneva: Agreement, query: dict[str, str], count: int
) -> None:
    listing = browser.get(address("deadline", "changelist"), query)

    assert listing.context["cl"].result_count == count
