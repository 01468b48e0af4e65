"""The status of agreements: the pure function and the SQL agree, and lists filter by it."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from compliance.domain.agreements.drafts import AgreementDraft
from compliance.domain.agreements.statuses import AgreementDates, Stop, agreement_status, stop_at
from compliance.domain.civil_time import civil_day
from compliance.domain.deadlines.drafts import AgreementFactDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import AgreementStatus
from compliance.models import Agreement, Fact, User
from compliance.models.deadlines.fact_values import fact_of
from compliance.operations.agreements import agreements, archiving
from compliance.operations.deadlines import facts
from compliance.queries import agreement_statuses as statuses
from tests.api.answers import get, post, rows
from tests.samples import create_agreement, record_agreement_fact, utc

TODAY = date(2026, 6, 15)


@pytest.mark.parametrize(
    ("dates", "stop", "status"),
    [
        ({}, {}, "in_force"),
        ({"signed_on": TODAY}, {}, "in_force"),
        ({"signed_on": TODAY, "in_force_on": date(2026, 6, 16)}, {}, "draft"),
        ({"signed_on": date(2026, 6, 16)}, {}, "draft"),
        ({"ends_on": TODAY}, {}, "in_force"),
        ({"ends_on": date(2026, 6, 14)}, {}, "expired"),
        ({}, {"is_suspended": True}, "suspended"),
        ({"in_force_on": date(2026, 7, 1)}, {"is_suspended": True}, "draft"),
        ({}, {"terminated_on": TODAY, "is_suspended": True}, "terminated"),
        ({"ends_on": date(2026, 6, 14)}, {"terminated_on": date(2026, 6, 14)}, "terminated"),
        ({"ends_on": date(2026, 6, 13)}, {"terminated_on": date(2026, 6, 14)}, "expired"),
        ({"is_archived": True, "ends_on": date(2026, 1, 1)}, {}, "archived"),
    ],
)
def test_status_of_an_agreement(dates: Any, stop: Any, status: str) -> None:
    assert agreement_status(AgreementDates(**dates), Stop(**stop), today=TODAY) == status


@pytest.mark.django_db
def test_the_sql_and_the_pure_function_agree() -> None:
    source = random.Random(14)
    now = datetime(2026, 6, 15, 11, 30, tzinfo=UTC)

    def some_day() -> date | None:
        return source.choice([None, TODAY + timedelta(source.randint(-3, 3))])

    create_agreement(ref="with-an-obligation", as_of=utc("2026-06-01T00:00"))
    for number in range(60):
        fields = {name: some_day() for name in ("signed_on", "in_force_on", "ends_on")}
        zone = source.choice([None, "Pacific/Auckland", "America/Los_Angeles"])
        _create(f"a-{number}")
        Agreement.objects.filter(ref=f"a-{number}").update(timezone=zone, **fields)
        agreement = Agreement.objects.get(ref=f"a-{number}")
        for _ in range(source.randint(0, 3)):
            _record_something(agreement, source)
        if not source.randint(0, 8):
            archiving.archive(agreement=agreement, reason="-", by=None, as_of=now)
    for as_of in (now, now - timedelta(days=2), now + timedelta(days=2)):
        expected: dict[str, set[int]] = {each: set() for each in AgreementStatus}
        for agreement in Agreement.objects.all():
            expected[_status(agreement, as_of)].add(agreement.pk)
        for status in AgreementStatus:
            assert set(statuses.agreement_ids([status], as_of=as_of)) == expected[status]
        found = Agreement.objects.annotate(now=statuses.status_expression(as_of=as_of))
        assert all(pk in expected[status] for pk, status in found.values_list("pk", "now"))
        assert sum(map(bool, expected.values())) >= 5


def _status(agreement: Agreement, as_of: datetime) -> AgreementStatus:
    zone = agreement.timezone or "UTC"
    known = [fact_of(row, zone) for row in Fact.objects.filter(agreement=agreement).values()]
    dates = AgreementDates(
        signed_on=agreement.signed_on,
        in_force_on=agreement.in_force_on,
        ends_on=agreement.ends_on,
        is_archived=agreement.archived_at is not None,
    )
    stop = stop_at(known, as_of=as_of, timezone=zone)
    return agreement_status(dates, stop, today=civil_day(as_of, zone))


def _create(ref: str) -> None:
    parties = [{"code": "ACME"}, {"code": "CHN"}]
    draft = {"ref": ref, "title": ref, "kind": "contract", "parties": parties}
    agreements.create(draft=read(AgreementDraft, draft), as_of=utc("2026-06-01T00:00"))


def _record_something(agreement: Agreement, source: random.Random) -> None:
    stored = list(agreement.facts.exclude(kind="retraction").filter(superseded_by=None))
    on = (TODAY + timedelta(source.randint(-3, 3))).isoformat()
    fact: dict[str, Any] = {"type": source.choice(["suspension", "termination"]), "on": on}
    if stored and source.random() < 0.5:
        target = source.choice(stored)
        fact = {"type": "retraction", "supersedes": target.pk, "note": "-"}
    elif stored and source.random() < 0.5:
        fact["supersedes"] = source.choice(stored).pk
    facts.record_of_agreement(
        agreement=agreement,
        draft=read(AgreementFactDraft, fact),
        by=None,
        as_of=utc("2026-06-02T00:00"),
    )


@pytest.fixture
def api(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("ana@example.org", "x"))
    return client


def test_lists_filter_by_the_status_of_the_agreement(api: Client) -> None:
    deadline = create_agreement()
    for path in ("deadlines/", "obligations/"):
        assert len(rows(api, path, agreement_status="in_force")) == 1
        assert rows(api, path, agreement_status="suspended,draft") == []
    record_agreement_fact(
        as_of=utc("2026-02-05T00:00"), type="suspension", at="2026-02-05T00:00:00Z"
    )
    assert [row["id"] for row in rows(api, "deadlines/", agreement_status="suspended")] == [
        deadline.pk
    ]
    summary = get(api, "summary/", group_by="status", agreement_status="suspended")
    assert [row["count"] for row in summary["results"]] == [1]
    past = {"as_of": "2026-02-04T00:00:00Z", "agreement_status": "in_force"}
    assert len(rows(api, "deadlines/", **past)) == 1
    assert rows(api, "deadlines/", **past | {"agreement_status": "suspended"}) == []
    assert get(api, "agreements/supply/")["status"] == "suspended"
    fact = Fact.objects.get()
    retraction = {"agreement": "supply", "type": "retraction", "supersedes": fact.pk, "note": "-"}
    post(api, "facts/", retraction)
    assert get(api, "agreements/supply/")["status"] == "in_force"
    known_then = {"as_of": "2026-02-06T00:00:00Z", "known_at": "2026-02-06T00:00:00Z"}
    assert len(rows(api, "deadlines/", agreement_status="suspended", **known_then)) == 1
    get(api, "deadlines/", 400, agreement_status="ended")
