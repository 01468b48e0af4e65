"""An agreement of one team with rows in every table that belongs to agreements."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from compliance.models import (
    Agreement,
    AgreementTeam,
    Alert,
    CalendarFeed,
    DeliveryAttempt,
    ImportBatch,
    ImportedRows,
    JobRun,
    Membership,
    Message,
    Proposal,
    ProposalNotification,
    RecomputedDeadline,
    Silence,
    Subscription,
    Team,
    User,
    visibility,
)
from compliance.models.alerts import entitlements, followers, subscriptions, withdrawals
from compliance.models.alerts.entitlements import may_receive
from compliance.models.people.readers import Reader
from compliance.operations.deadlines import sweep
from compliance.operations.evidence import files
from compliance.queries import unseen
from compliance.queries.alerts import calendar_feeds
from compliance.queries.deadlines import why
from tests.samples import BUYER, document, load, obligation

MARK = "Zanzibar"
"""A word in every text of the agreement, so that a leak can be found by searching for it."""


def reserve(agreement: Agreement, *slugs: str) -> None:
    """Reserve an agreement for teams, which are created if necessary."""
    agreement.visibility = "teams"
    agreement.save()
    for slug in slugs:
        AgreementTeam.objects.create(agreement=agreement, team=_team(slug))


def member(email: str, *slugs: str, **fields: Any) -> User:
    """Create a user who belongs to these teams, which are created if necessary."""
    user = User.objects.create_user(email, **fields)
    for slug in slugs:
        Membership.objects.create(user=user, team=_team(slug))
    return user


def _team(slug: str) -> Team:
    return Team.objects.get_or_create(slug=slug, defaults={"name": slug.title()})[0]


def disable_row_security() -> None:
    """Leave visibility to the predicates of the application, for the rest of the transaction."""
    tables = [model._meta.db_table for model in apps.get_app_config("compliance").get_models()]
    with connection.cursor() as cursor:
        for table in tables:
            # Inside a transaction, PostgreSQL restores it with the rollback.
            cursor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")


def disable_predicates(patch: pytest.MonkeyPatch) -> None:
    """Leave visibility to row-level security: the predicates of the application hide nothing."""
    for module in (visibility, why):
        patch.setattr(module, "hidden_from", _nothing_hidden)
    patch.setattr(unseen, "_hidden_agreements", lambda _: ("SELECT 1::bigint WHERE FALSE", ()))
    patch.setattr(visibility, "_PROPOSALS", {})
    for place, name, condition in (
        (withdrawals, "_FORBIDDEN", may_receive("p", "g")),
        (withdrawals, "_WITHDRAW_FORBIDDEN", may_receive("p", "g")),
        (followers, "_CAUSES", may_receive("m", "g")),
        (followers, "_FOLLOWED", may_receive("s", "g")),
        (entitlements, "_RECEIVABLE", may_receive("m", "g")),
        (subscriptions, "_RECEIVABLE", may_receive("s", "g")),
        (calendar_feeds, "_DEADLINES", "%(sees_everything)s"),
    ):
        statement = getattr(place, name)
        assert condition in statement, name
        patch.setattr(place, name, statement.replace(condition, "TRUE"))


def _nothing_hidden(_: Reader) -> Any:
    return Agreement.objects.filter(pk__lt=0).order_by().values("pk")


def create_reserved(*, now: datetime, ref: str = "zanzibar", team: str = "asia") -> Agreement:
    """Create an agreement of a team: with every kind of record, unmet at `now`."""
    before = now - timedelta(days=15)
    due_on = (now - timedelta(days=10)).date().isoformat()
    on = (now - timedelta(days=20)).date().isoformat()
    party = {"code": "ZANZIBAR", "name": f"{MARK} Ltd", "kind": "company", "timezone": "UTC"}
    agreement = load(
        document(
            ref,
            obligation(
                f"{MARK}-1",
                due_on,
                title=f"{MARK} delivers",
                tags=[MARK.lower()],
                obligors=["ZANZIBAR"],
                text=MARK,
                responsible=["kim@zanzibar.example"],
                target_quantity=100,
                unit="t",
                facts=[{"type": "performance", "on": on, "quantity": 20, "note": MARK}],
                positions=[
                    {"party": "ACME", "verdict": "not_met", "on": on, "evidence": [f"{MARK}-E"]}
                ],
            ),
            obligation(
                f"{MARK}-2",
                title=f"{MARK} reports",
                obligors=["ZANZIBAR"],
                due={"type": "offset", "count": 1, "unit": "months", "from": {"milestone": MARK}},
            ),
            title=f"{MARK} agreement",
            parties=[BUYER, party],
            milestones=[{"ref": MARK, "on": on}],
            evidence=[
                {
                    "ref": f"{MARK}-E",
                    "title": f"{MARK} letter",
                    "kind": "document",
                    "stance": "for",
                    "obligations": [f"{MARK}-1"],
                }
            ],
            facts=[],
        ),
        as_of=before,
    )
    _add_rows(agreement, now)
    reserve(agreement, team)
    return agreement


def _add_rows(agreement: Agreement, now: datetime) -> None:
    author = User.objects.get_or_create(email="zanzibar@example.org")[0]
    deadline = agreement.deadlines.get(obligation__ref=f"{MARK}-1")
    evidence = agreement.evidence.get()
    files.attach(evidence=evidence, name=f"{MARK}.txt", pieces=[b"text"], by=None, as_of=now)
    deadline.evidence.add(evidence)
    deadline.facts.get().evidence.add(evidence)
    Subscription.objects.create(email=f"{MARK}@example.org".lower(), agreement=agreement)
    CalendarFeed.objects.create(
        name=MARK,
        owner=author,
        agreement=agreement,
        token_hash=agreement.ref.encode(),
        created_at=now,
    )
    sweep.run(as_of=now)
    for about in (agreement, None):
        email = "one@example.org" if about else "all@example.org"
        message = Message.objects.create(
            agreement=about, message_id=f"<{agreement.ref}.{email}>", email=email, created_at=now,
            next_attempt_at=now, state="sent",
        )  # fmt: skip
        DeliveryAttempt.objects.create(
            message=message, started_at=now, ended_at=now, outcome="sent", answer=MARK
        )
        Alert.objects.create(
            agreement=agreement, deadline=deadline, kind="missed", occasion=now, email=email,
            created_at=now, message=message,
        )  # fmt: skip
    Silence.objects.create(
        agreement=agreement, until_at=now, reason=MARK, created_at=now, created_by=author
    )
    proposal = Proposal.objects.create(
        agreement=agreement,
        deadline=deadline,
        kind="waiver",
        draft={"type": "waiver", "on": "2026-02-01"},
        proposed_at=now,
        proposed_by=author,
    )
    ProposalNotification.objects.create(proposal=proposal, user=author)
    run = JobRun.objects.create(
        kind="recomputation",
        as_of=now,
        started_at=now,
        parameters={"data_version": "2026a", "horizon": "2099-12-31"},
    )
    RecomputedDeadline.objects.create(run=run, deadline=deadline)
    batch = ImportBatch.objects.first() or ImportBatch.objects.create(
        agreement=agreement, is_new_agreement=True, mode="add", imported_at=now, counts={}
    )
    ImportedRows.objects.get_or_create(
        batch=batch, table_name="compliance_fact", defaults={"ids": []}
    )
    correction = apps.get_model("compliance", "Correction")
    correction._default_manager.create(
        obligation=deadline.obligation, before={"title": MARK}, recorded_at=now
    )
