"""Silences end on time even if other silences or the sweep fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from compliance import tasks
from compliance.domain.vocabulary import AlertKind
from compliance.models import Agreement, Alert, Silence, User
from compliance.operations.alerts import silences
from compliance.operations.deadlines import sweep
from tests.samples import create_agreement, subscribe, utc

pytestmark = pytest.mark.django_db(transaction=True)

AFTER = utc("2026-03-20T00:00")
DAY = timedelta(days=1)
REJECT = """
    CREATE FUNCTION reject_for_test() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'rejected for the test'; END $$
"""


@pytest.fixture
def reject() -> Iterator[Callable[[str, str, str], None]]:
    """Have the database reject some writes to a table until the test ends."""
    tables: list[str] = []

    def add(event: str, table: str, condition: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TRIGGER reject BEFORE {event} ON {table} FOR EACH ROW"
                f" WHEN ({condition}) EXECUTE FUNCTION reject_for_test()"
            )
        tables.append(table)

    with connection.cursor() as cursor:
        cursor.execute(REJECT)
    yield add
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DROP TRIGGER reject ON {table}")
        cursor.execute("DROP FUNCTION reject_for_test")


def silence(agreement: Agreement, until_at: datetime = AFTER) -> Silence:
    user, _ = User.objects.get_or_create(email="lee@example.org")
    return Silence.objects.create(
        agreement=agreement,
        until_at=until_at,
        reason="They are moving.",
        created_at=AFTER - 10 * DAY,
        created_by=user,
    )


def test_a_silence_that_cannot_be_ended_does_not_block_later_ones(
    reject: Callable[[str, str, str], None],
) -> None:
    subscribe()
    first, *others = [silence(create_agreement(ref=f"a-{number}").agreement) for number in range(3)]
    sweep.run(as_of=AFTER)
    reject("UPDATE", "compliance_silence", f"NEW.id = {first.pk}")
    assert silences.end_due(as_of=AFTER) == 2
    assert list(Silence.objects.filter(ended_at__isnull=True)) == [first]
    announced = Alert.objects.filter(kind=AlertKind.SILENCE_ENDED).values_list(
        "agreement", flat=True
    )
    assert set(announced) == {each.agreement_id for each in others}


def test_a_sweep_that_fails_does_not_keep_silences_from_ending(
    reject: Callable[[str, str, str], None],
) -> None:
    quiet = silence(create_agreement().agreement, timezone.now() - DAY)
    reject("INSERT", "compliance_jobrun", "NEW.kind = 'sweep'")
    with pytest.raises(DatabaseError, match="rejected for the test"):
        tasks.sweep()
    quiet.refresh_from_db()
    assert quiet.ended_at == quiet.until_at
