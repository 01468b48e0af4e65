"""Every change of a tracked row is recorded in the history, however it is made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from compliance.domain.vocabulary import FactKind
from compliance.models import (
    Agreement,
    AgreementParty,
    AgreementTeam,
    ApiToken,
    CalendarFeed,
    ClosingDay,
    CustomCalendar,
    Deadline,
    Membership,
    Milestone,
    Obligation,
    ObligationParty,
    Party,
    Proposal,
    Responsibility,
    Silence,
    Subscription,
    Team,
    TrackedGroup,
    TrackedGroupPermission,
    TrackedUserGroup,
    TrackedUserPermission,
    User,
    Webhook,
)
from tests.samples import create_agreement, record_agreement_fact, utc
from tests.shared_worlds import in_one_world

pytestmark = pytest.mark.django_db

NOW = utc("2026-02-01T00:00")


@pytest.fixture
def supply(db: None) -> Deadline:
    """The deadline of an agreement, to which some of the rows belong."""
    return create_agreement()


def _supply() -> Deadline:
    return Deadline.objects.get()


def _party() -> Party:
    return Party(code="FRA", name="France", kind="state", timezone="Europe/Paris")


def _calendar() -> CustomCalendar:
    return CustomCalendar.objects.create(code="hq", title="Head office")


def _proposal() -> Proposal:
    deadline = _supply()
    return Proposal(
        agreement=deadline.agreement,
        deadline=deadline,
        kind=FactKind.WAIVER.value,
        draft={"type": "waiver", "on": "2026-02-01"},
        proposed_at=NOW,
        proposed_by=User.objects.create_user("ana@example.org"),
    )


def _feed() -> CalendarFeed:
    owner = User.objects.create_user("ana@example.org")
    return CalendarFeed(name="Mine", owner=owner, token_hash=b"x" * 32, created_at=NOW)


def _token() -> ApiToken:
    user = User.objects.create_user("ana@example.org")
    return ApiToken(name="Mine", user=user, digest=b"x" * 32, created_at=NOW)


def _silence() -> Silence:
    return Silence(
        agreement=_supply().agreement,
        until_at=NOW,
        reason="Audit",
        created_at=NOW,
        created_by=User.objects.create_user("ana@example.org"),
    )


def _obligation() -> Obligation:
    return Obligation(
        agreement=_supply().agreement,
        ref="O-2",
        title="Report",
        kind="achieve",
        recorded_at=NOW,
    )


def _obligation_party() -> ObligationParty:
    obligation = _supply().obligation
    return ObligationParty(
        agreement_id=obligation.agreement_id,
        obligation=obligation,
        party=Party.objects.get(code="ACME"),
        capacity="obligor",
    )


def _responsibility() -> Responsibility:
    return Responsibility(obligation=_supply().obligation, address="lee@example.org")


def _agreement_party() -> AgreementParty:
    agreement = _supply().agreement
    party = _party()
    party.save()
    return AgreementParty(agreement=agreement, party=party, role="guarantor")


def _teams() -> None:
    Team.objects.create(pk=1, slug="asia", name="Asia")
    Team.objects.create(pk=2, slug="europe", name="Europe")


def _agreement_team() -> AgreementTeam:
    _teams()
    return AgreementTeam(agreement=_supply().agreement, team_id=1)


def _membership() -> Membership:
    _teams()
    return Membership(user=User.objects.create_user("ana@example.org"), team_id=1)


def _agreement() -> Agreement:
    return Agreement(ref="other", title="Another agreement", kind="treaty", created_at=NOW)


def _groups() -> None:
    Group.objects.bulk_create(Group(pk=pk, name=f"Group {pk}") for pk in (901, 902))


def _user_group() -> TrackedUserGroup:
    _groups()
    return TrackedUserGroup(user=User.objects.create_user("ana@example.org"), group_id=901)


def _group_permission() -> TrackedGroupPermission:
    _groups()
    return TrackedGroupPermission(group_id=901, permission=Permission.objects.all()[0])


def _user_permission() -> TrackedUserPermission:
    users = [User.objects.create_user(f"{pk}@example.org", pk=pk) for pk in (901, 902)]
    return TrackedUserPermission(user=users[0], permission=Permission.objects.all()[0])


# For each model: a function that creates a row, a column, and two values of it.
ROWS: dict[type[Model], tuple[Callable[[], Any], str, Any, Any]] = {
    Agreement: (_agreement, "title", "Another agreement", "A third one"),
    AgreementParty: (_agreement_party, "role", "guarantor", "witness"),
    AgreementTeam: (_agreement_team, "team_id", 1, 2),
    Responsibility: (_responsibility, "address", "lee@example.org", "kim@example.org"),
    Membership: (_membership, "team_id", 1, 2),
    Team: (lambda: Team(slug="asia", name="Asia"), "name", "Asia", "Asia desk"),
    TrackedGroup: (lambda: TrackedGroup(name="Auditors"), "name", "Auditors", "Inspectors"),
    TrackedGroupPermission: (_group_permission, "group_id", 901, 902),
    TrackedUserGroup: (_user_group, "group_id", 901, 902),
    TrackedUserPermission: (_user_permission, "user_id", 901, 902),
    User: (lambda: User(email="ana@example.org"), "first_name", "", "Ana"),
    Webhook: (
        lambda: Webhook(name="Desk", url="https://x.org/", created_at=NOW),
        "name",
        "Desk",
        "Hook",
    ),
    ApiToken: (_token, "name", "Mine", "Ours"),
    ClosingDay: (
        lambda: ClosingDay(calendar=_calendar(), on=date(2026, 12, 24), reason="Eve"),
        "reason",
        "Eve",
        "Christmas Eve",
    ),
    CustomCalendar: (lambda: CustomCalendar(code="hq", title="HQ"), "title", "HQ", "Head office"),
    Milestone: (
        lambda: Milestone(agreement=_supply().agreement, ref="in-force", on=date(2026, 3, 1)),
        "on",
        date(2026, 3, 1),
        date(2026, 4, 1),
    ),
    Obligation: (_obligation, "title", "Report", "Report yearly"),
    ObligationParty: (_obligation_party, "capacity", "obligor", "obligee"),
    CalendarFeed: (_feed, "name", "Mine", "Ours"),
    Party: (_party, "name", "France", "French Republic"),
    Proposal: (_proposal, "reason", "", "Not before June."),
    Silence: (_silence, "reason", "Audit", "Move"),
    Subscription: (
        lambda: Subscription(email="ana@example.org"),
        "email",
        "ana@example.org",
        "lee@example.org",
    ),
}


def table(model: type[Model]) -> str:
    return model._meta.db_table


def history() -> dict[Any, type[Model]]:
    """Return the event models by the models whose history they record."""
    tables = {getattr(each, "pgh_tracked_model", None): each for each in apps.get_models()}
    tables.pop(None, None)
    return tables


def events(row: Any, column: str) -> list[tuple[str, Any]]:
    """Return the events about a row, oldest first, with the values of a column."""
    found: Any = history()[type(row)]._default_manager.filter(pgh_obj_id=row.pk)
    return [(each.pgh_label, getattr(each, column)) for each in found.order_by("pgh_id")]


def _save(row: Any, column: str, value: Any) -> None:
    setattr(row, column, value)
    row.save()


def _update(row: Any, column: str, value: Any) -> None:
    type(row).objects.filter(pk=row.pk).update(**{column: value})


def _bulk_update(row: Any, column: str, value: Any) -> None:
    setattr(row, column, value)
    type(row).objects.bulk_update([row], [column])


def _update_by_sql(row: Any, column: str, value: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE {table(type(row))} SET "{column}" = %s WHERE id = %s', [value, row.pk]
        )


def _insert_by_sql(row: Any) -> Any:
    """Insert a row by plain SQL."""
    fields = [each for each in row._meta.concrete_fields if not each.primary_key | each.generated]
    names = ", ".join(f'"{each.column}"' for each in fields)
    values = [each.get_db_prep_save(each.pre_save(row, True), connection) for each in fields]
    places = ", ".join(["%s"] * len(fields))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table(type(row))} ({names}) VALUES ({places}) RETURNING id", values
        )
        [row.pk] = cursor.fetchone()
    return row


def _saved(row: Any) -> Any:
    row.save()
    return row


def _bulk_create(row: Any) -> Any:
    [row] = type(row).objects.bulk_create([row])
    return row


def _delete(row: Any) -> None:
    type(row).objects.filter(pk=row.pk).delete()


def _delete_by_sql(row: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table(type(row))} WHERE id = %s", [row.pk])


def test_every_tracked_model_is_tested_here() -> None:
    assert set(history()) == set(ROWS)


@in_one_world(("model", "store"), list(product(ROWS, [_saved, _bulk_create, _insert_by_sql])))
def test_an_added_row_is_recorded_in_the_history(
    supply: Deadline, model: type[Model], store: Callable[[Any], Any]
) -> None:
    make, column, value, _ = ROWS[model]
    row = store(make())
    assert events(row, column) == [("insert", value)]


@in_one_world(
    ("model", "change"), list(product(ROWS, [_save, _update, _bulk_update, _update_by_sql]))
)
def test_a_changed_row_is_recorded_in_the_history_before_and_after(
    supply: Deadline, model: type[Model], change: Callable[[Any, str, Any], None]
) -> None:
    make, column, before, after = ROWS[model]
    row = _saved(make())
    if model is ObligationParty:
        ObligationParty.objects.filter(obligation=row.obligation).exclude(pk=row.pk).delete()
    change(row, column, after)
    assert events(row, column) == [("insert", before), ("update", after)]


@in_one_world(("model", "remove"), list(product(ROWS, [_delete, _delete_by_sql])))
def test_a_deleted_row_is_recorded_in_the_history(
    supply: Deadline, model: type[Model], remove: Callable[[Any], None]
) -> None:
    make, column, before, _ = ROWS[model]
    row = _saved(make())
    pk = row.pk
    remove(row)
    row.pk = pk
    assert events(row, column) == [("insert", before), ("delete", before)]


def test_a_bulk_change_records_every_row() -> None:
    rows = Party.objects.bulk_create(
        Party(code=f"P-{number}", name=f"Party {number}", kind="state", timezone="UTC")
        for number in range(20)
    )
    Party.objects.update(name="Somebody")
    for number, row in enumerate(rows):
        assert events(row, "name") == [("insert", f"Party {number}"), ("update", "Somebody")]


def test_an_update_without_changes_is_not_recorded() -> None:
    row = _saved(_party())
    Party.objects.update(name=row.name)
    assert events(row, "name") == [("insert", "France")]


def test_a_change_in_the_admin_is_recorded_with_its_user() -> None:
    ana = User.objects.create_superuser("ana@example.org", "secret")
    browser = Client()
    browser.force_login(ana, backend="django.contrib.auth.backends.ModelBackend")
    row = _saved(_party())
    page = reverse("admin:compliance_party_change", args=[row.pk])
    form = {"code": "FRA", "name": "French Republic", "kind": "state", "country": "FR",
            "timezone": "Europe/Paris"}  # fmt: skip
    assert browser.post(page, form).status_code == 302
    assert events(row, "name")[-1] == ("update", "French Republic")
    model = history()[Party]
    last: Any = model._default_manager.order_by("pgh_id").last()
    assert last.pgh_context.metadata["user"] == ana.pk


def test_the_history_itself_cannot_be_changed() -> None:
    row = _saved(_party())
    model = history()[Party]
    for statement in ("UPDATE {} SET name = 'x'", "DELETE FROM {}"):
        with pytest.raises(Exception, match="Cannot update or delete"), connection.cursor() as run:
            run.execute(f"SAVEPOINT a; {statement.format(table(model))}")
        with connection.cursor() as run:
            run.execute("ROLLBACK TO SAVEPOINT a")
    assert events(row, "name") == [("insert", "France")]


def test_a_fact_about_an_agreement_moves_its_chain_but_is_no_change_of_the_agreement(
    supply: Deadline,
) -> None:
    agreement = supply.agreement
    record_agreement_fact(as_of=NOW, type="suspension", on="2026-03-02")
    agreement.refresh_from_db()
    assert agreement.facts_head is not None
    assert events(agreement, "title") == [("insert", agreement.title)]
