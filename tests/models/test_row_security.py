"""Row-level security alone: without the predicates of the application, nothing foreign exists."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Model
from django.http import HttpRequest, StreamingHttpResponse
from django.test import RequestFactory
from psycopg import sql

from compliance.domain.people.readers import reset_reader, set_reader
from compliance.models import Agreement, Deadline, Obligation
from compliance.models.people.readers import NOBODY, SYSTEM, Reader, reader_of, reading_as
from compliance.models.visibility import PATHS_TO_AGREEMENT
from compliance.web.readers import ReaderMiddleware
from tests.models.test_visibility import every_model
from tests.reserved_agreement import create_reserved, member, reserve
from tests.samples import create_agreement, utc

pytestmark = pytest.mark.django_db
NOW = utc("2026-02-01T00:00")

secured: list[type[Model]] = [each for each in every_model if each.__name__ in PATHS_TO_AGREEMENT]


def test_every_table_that_belongs_to_agreements_has_a_policy() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class AS c JOIN pg_policy AS p ON p.polrelid = c.oid "
            "WHERE relrowsecurity AND relforcerowsecurity AND p.polpermissive"
        )
        found = {name for (name,) in cursor.fetchall()}
    assert found == {each._meta.db_table for each in secured}


def _count(model: type[Model]) -> int:
    return int(model._base_manager.count())


def check_who_sees_rows() -> None:
    """Check every table: outsiders see no row of a reserved agreement, and insiders all of them."""
    everything = create_reserved(now=NOW)
    full = {each: _count(each) for each in secured}
    assert [each.__name__ for each, count in full.items() if not count] == []
    stranger = reader_of(member("none@example.org"))
    for reader in (stranger, NOBODY, SYSTEM.limited_to(agreements=frozenset({everything.pk + 1}))):
        with reading_as(reader):
            assert {each.__name__: _count(each) for each in secured if _count(each)} == {}
    insider = reader_of(member("in@example.org", "asia"))
    root = Reader(user_id=None, sees_everything=True)
    for reader in (insider, root, SYSTEM.limited_to(agreements=frozenset({everything.pk}))):
        with reading_as(reader):
            assert {each: _count(each) for each in secured} == full


def test_everything_of_a_foreign_agreement_is_missing_in_every_table() -> None:
    check_who_sees_rows()


def test_nobody_can_write_to_a_foreign_agreement() -> None:
    deadline = create_agreement(as_of=NOW)
    reserve(deadline.agreement, "asia")
    new = Obligation(agreement=deadline.agreement, ref="O-2", title="Report", kind="achieve")
    with reading_as(reader_of(member("none@example.org"))):
        assert Deadline.objects.update(timezone="UTC") == 0
        assert Deadline.objects.all().delete()[0] == 0
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            new.save()
    with reading_as(reader_of(member("in@example.org", "asia"))):
        new.save()


def test_the_reader_applies_to_one_transaction_and_to_what_follows_a_rollback() -> None:
    create_agreement(as_of=NOW)
    with reading_as(NOBODY):
        assert not Agreement.objects.exists()
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
        assert not Agreement.objects.exists()
        with reading_as(SYSTEM):
            assert Agreement.objects.exists()
        assert not Agreement.objects.exists()
    assert Agreement.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_statements_outside_of_transactions_have_a_reader_and_leave_none() -> None:
    create_agreement(as_of=NOW)
    with reading_as(NOBODY):
        assert not Agreement.objects.exists()
        assert list(Agreement.objects.iterator()) == []
        assert Agreement.objects.update(title="Changed") == 0
        with transaction.atomic():
            assert not Agreement.objects.exists()
        with connection.cursor() as cursor:
            cursor.execute("SHOW ROLE")
            assert cursor.fetchone() == ("none",)
    assert Agreement.objects.get().title != "Changed"
    with reading_as(reader_of(member("ana@example.org"))):
        assert [each.ref for each in Agreement.objects.iterator()] == ["supply"]


@pytest.mark.django_db(transaction=True)
def test_every_form_of_a_statement_outside_of_transactions_has_a_reader() -> None:
    create_agreement(as_of=NOW)
    count = "SELECT count(*) FROM compliance_agreement"
    with reading_as(NOBODY), connection.cursor() as cursor:
        for query in (
            f"({count})", f"-- why\n{count}", f"/* why */ {count}", count.encode(), sql.SQL(count),
        ):  # fmt: skip
            cursor.execute(query)  # type: ignore[arg-type]  # psycopg takes all of these
            assert cursor.fetchone() == (0,), query
        one = Agreement.objects.order_by("ref")[:1]
        assert list(one.union(Agreement.objects.order_by("-ref")[:1])) == []


@pytest.mark.django_db(transaction=True)
def test_a_streamed_response_is_read_on_behalf_of_the_reader_of_its_request() -> None:
    create_agreement(as_of=NOW)

    def view(_: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(str(Agreement.objects.count()) for _ in range(2))

    response = ReaderMiddleware(view)(RequestFactory().get("/"))
    assert isinstance(response, StreamingHttpResponse)
    assert b"".join(response) == b"00"
    assert Agreement.objects.count() == 1


@contextmanager
def statements_of_readers() -> Iterator[list[str]]:
    """Collect the statements that tell the database who reads."""
    statements: list[str] = []
    execute = psycopg.Connection.execute

    def noted(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        statements.append(str(query))
        return execute(self, query, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", noted)
        yield statements


def test_the_database_is_informed_of_a_reader_only_once_in_a_transaction() -> None:
    reader = reader_of(member("ana@example.org"))
    with reading_as(reader), statements_of_readers() as statements:
        for _ in range(3):
            with reading_as(reader), transaction.atomic():
                Agreement.objects.exists()
        assert statements == []
        with reading_as(SYSTEM), reading_as(SYSTEM):
            pass
        assert len(statements) == 2


def test_a_rollback_to_a_savepoint_does_not_hide_a_change_of_reader() -> None:
    wrapper: Any = connection
    create_agreement(as_of=NOW)
    with suppress(LookupError), transaction.atomic():
        token = set_reader(NOBODY)
        wrapper.apply_reader()
        assert not Agreement.objects.exists()
        raise LookupError
    # The rollback has undone it, so the next change of reader must reach the database.
    with reading_as(NOBODY):
        assert not Agreement.objects.exists()
    reset_reader(token)
    wrapper.apply_reader()
