"""What row-level security hides, whatever role Pacta connects as: superuser, owner, or neither."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from compliance.models import Agreement, Deadline
from compliance.models.bulk import RowType
from compliance.models.people.readers import NOBODY, reader_of, reading_as
from compliance.queries.deadlines.deadlines import DeadlineListing, listed
from compliance.queries.system import health
from tests.api.conftest import client_of
from tests.models.test_row_security import check_who_sees_rows
from tests.reserved_agreement import MARK, member, reserve
from tests.samples import create_agreement, obligation, utc

NOW = utc("2026-02-01T00:00")
ROLE = "pacta_trial"
RIGHTS = {
    "superuser": ["ALTER ROLE {role} SUPERUSER"],
    "owner": ["GRANT USAGE, CREATE ON SCHEMA public TO {role}"],
    "only rows": [
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    ],
}
OWN_EVERYTHING = """
DO $$ DECLARE each text; BEGIN
    FOR each IN SELECT format('ALTER TABLE %I OWNER TO {role}', relname) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    LOOP EXECUTE each; END LOOP;
    FOR each IN SELECT format('ALTER FUNCTION %s OWNER TO {role}', p.oid::regprocedure)
        FROM pg_proc AS p WHERE pronamespace = 'public'::regnamespace AND prolang IN (
            SELECT oid FROM pg_language WHERE lanname IN ('plpgsql', 'sql'))
    LOOP EXECUTE each; END LOOP;
END $$
"""


@pytest.fixture(params=RIGHTS)
def role(request: pytest.FixtureRequest, db: None) -> Iterator[str]:
    """Connect as a role with these rights, for the rest of the transaction of the test."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE}")
        if request.param == "owner":
            cursor.execute(OWN_EVERYTHING.replace("{role}", ROLE))
        for each in RIGHTS[request.param]:
            cursor.execute(each.replace("{role}", ROLE))
        cursor.execute(f"SET LOCAL SESSION AUTHORIZATION {ROLE}")
    with _recognized():
        yield request.param


@contextmanager
def _recognized() -> Iterator[None]:
    """Tell the connection, during the block, that it has another role."""
    wrapper: Any = connection
    wrapper.recognize_role()
    wrapper.apply_reader()
    yield
    vars(connection.connection).pop("bypasses_policies", None)


def test_what_is_foreign_is_missing_in_every_table(role: str) -> None:
    check_who_sees_rows()
    _check_requests()


def _check_requests() -> None:
    create_agreement(ref="open", as_of=NOW)
    for team, refs in (("europe", ["open"]), ("asia", ["open", "zanzibar"])):
        user = member(f"{team}@example.org", team)
        user.groups.add(Group.objects.get(name="viewer"))
        client = client_of(user)
        agreements = client.get("/api/v1/agreements/").json()["results"]
        assert sorted(each["ref"] for each in agreements) == refs
        deadlines = client.get("/api/v1/deadlines/").content.decode()
        assert (MARK in deadlines) is ("zanzibar" in refs)


def test_nobody_can_write_to_a_foreign_agreement(role: str) -> None:
    deadline = create_agreement(as_of=NOW)
    reserve(deadline.agreement, "asia")
    with reading_as(reader_of(member("none@example.org"))):
        assert Deadline.objects.update(timezone="UTC") == 0
    with reading_as(NOBODY), transaction.atomic(), pytest.raises(DatabaseError):
        Agreement.objects.create(ref="new", title="New", created_at=NOW)


@pytest.mark.django_db
def test_what_the_policies_know_follows_every_change_of_visibility() -> None:
    def known() -> dict[str, tuple[bool, int]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT ref, is_reserved, cardinality(team_ids) FROM compliance_agreementaccess "
                "JOIN compliance_agreement ON id = agreement_id"
            )
            return {ref: (is_reserved, count) for ref, is_reserved, count in cursor.fetchall()}

    agreement = create_agreement(as_of=NOW).agreement
    assert known() == {"supply": (False, 0)}
    reserve(agreement, "asia", "europe")
    assert known() == {"supply": (True, 2)}
    agreement.team_links.get(team__slug="asia").delete()
    agreement.visibility = "everyone"
    agreement.save()
    assert known() == {"supply": (False, 1)}


@pytest.mark.django_db
def test_policies_keep_statements_from_no_index() -> None:
    create_agreement(obligation("O-1"), obligation("O-2"), as_of=NOW)
    reader = reader_of(member("ana@example.org", "asia"))
    keyed = RowType(id="bigint", zone="text")
    update = (
        f"UPDATE compliance_deadline AS d SET timezone = v.zone FROM {keyed.rows} WHERE d.id = v.id"
    )
    with reading_as(reader), connection.cursor() as cursor:
        # Whatever the statistics of the nearly empty tables say, an index is used if it can be.
        for other in ("seqscan", "sort", "hashjoin", "mergejoin"):
            cursor.execute(f"SET LOCAL enable_{other} = off")
        first = listed(DeadlineListing(page_size=1), reader=reader, now=NOW)
        with CaptureQueriesContext(connection) as captured:
            following = DeadlineListing(page_size=1, cursor=first.next)
            assert len(listed(following, reader=reader, now=NOW).rows) == 1
        page = next(each["sql"] for each in captured if "LIMIT" in each["sql"])
        for statement, parameters, condition in (
            (page, None, "Index Cond: (ROW(CASE"),
            (update, keyed.parameters([(1, "UTC"), (2, "UTC")]), "Index Cond: (id = CASE"),
        ):
            cursor.execute(f"EXPLAIN {statement}", parameters)
            assert condition in "\n".join(line for (line,) in cursor.fetchall())


@contextmanager
def login(attributes: str) -> Iterator[dict[str, object]]:
    """Create a role that can read all rows, and return the parameters of its connections."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE} LOGIN {attributes}")
        for each in RIGHTS["only rows"]:
            cursor.execute(each.replace("{role}", ROLE))
    try:
        yield {**connection.get_connection_params(), "user": ROLE}
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP OWNED BY {ROLE}")
            cursor.execute(f"DROP ROLE {ROLE}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("attributes", "state"), [("", "ok"), ("BYPASSRLS", "failing"), ("SUPERUSER", "ok")]
)
def test_readiness_fails_for_a_role_that_the_policies_do_not_stop(
    attributes: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_agreement(as_of=NOW)
    with login(attributes) as parameters:
        monkeypatch.setattr(connection, "get_connection_params", lambda: parameters)
        found = health.readiness(as_of=NOW)["row_security"]
        monkeypatch.undo()
    assert found.state == state
    if state == "failing":
        assert "NOBYPASSRLS" in found.figure["warning"]


@pytest.mark.django_db(transaction=True)
def test_readiness_sees_all_rows_as_any_role(monkeypatch: pytest.MonkeyPatch) -> None:
    create_agreement(as_of=NOW)
    Deadline.objects.update(quarantine_error="ValueError()")
    with login("") as parameters:
        monkeypatch.setattr(connection, "get_connection_params", lambda: parameters)
        found = health.readiness(as_of=NOW)["quarantined"]
        monkeypatch.undo()
    assert found.figure == {"deadlines": 1}


@pytest.mark.django_db
def test_a_role_that_bypasses_the_policies_reads_nothing_for_others_than_the_system() -> None:
    create_agreement(as_of=NOW)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE} BYPASSRLS")
        for each in RIGHTS["only rows"]:
            cursor.execute(each.replace("{role}", ROLE))
        cursor.execute(f"SET LOCAL SESSION AUTHORIZATION {ROLE}")
    with _recognized():
        assert Agreement.objects.count() == 1
        with pytest.raises(DatabaseError, match="pacta_reader"), reading_as(NOBODY):
            Agreement.objects.count()


@pytest.mark.django_db(transaction=True)
def test_readiness_fails_if_a_table_has_no_row_security() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE compliance_fact DISABLE ROW LEVEL SECURITY")
    try:
        found = health.readiness(as_of=NOW)["row_security"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE compliance_fact ENABLE ROW LEVEL SECURITY")
    assert found.state == "failing"
    assert "compliance_fact" in found.figure["warning"]
