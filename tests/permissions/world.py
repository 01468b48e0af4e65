"""The objects and the callers of the permission matrix."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.db import transaction
from django.test import Client
from django.utils import timezone

from compliance.domain.drafts import read
from compliance.domain.due_dates.drafts import CustomCalendarDraft
from compliance.domain.people.drafts import TokenDraft
from compliance.models import (
    Agreement,
    ApiToken,
    AuditEntry,
    CalendarFeed,
    ImportBatch,
    JobRun,
    Outage,
    Seal,
    Subscription,
    Team,
    User,
    Webhook,
)
from compliance.operations.due_dates import calendars
from compliance.operations.integrity import purges, seals
from compliance.operations.people import tokens
from tests.permissions.rules import Scope, Who
from tests.reserved_agreement import create_reserved, member
from tests.samples import create_agreement

MISSING_ID, MISSING_NAMES = 987_654_321, {
    "agreement": "nowhere", "party": "NOBODY", "team": "nobody",
}  # fmt: skip
BEARER = ("service account", "full", "read-only", "of a team", "of an agreement")
DEAD = ("expired", "revoked")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody, or a program, that sends requests."""

    name: str
    role: Who
    """What they may do at most."""
    user: User | None = None
    key: str = ""
    """The key of their token. Without one, they are signed in with a session, or anonymous."""
    client: Client
    cookies: SimpleCookie
    is_read_only: bool = False
    is_restricted: bool = False

    def send(self, method: str, url: str, **more: Any) -> Any:
        """Send a request and take back whatever it changed, in the database and in the cookies."""
        self.client.cookies = SimpleCookie({k: v.value for k, v in self.cookies.items()})
        with transaction.atomic():
            response = self.client.generic(method, url, **more)
            transaction.set_rollback(True)
        return response


@dataclass(frozen=True, kw_only=True)
class World:
    """What exists: an agreement of the callers' team, another team's, and all that is theirs."""

    callers: Mapping[str, Caller]
    own: Mapping[str, Any]
    """The keys of objects of the callers' team, or of nobody in particular, by kind."""
    foreign: Mapping[str, Any]
    """The keys of objects of another team or user, by kind."""
    owned: Mapping[tuple[str, str], Any]
    """The keys of what belongs to the users of callers, by name of the caller and kind."""

    def key(self, caller: Caller, about: str, whose: str) -> Any:
        """Return the key of an object, or None if the matrix has no such object."""
        if whose == "missing":
            return MISSING_NAMES.get(about, MISSING_ID)
        if whose == "foreign":
            return self.foreign.get(about)
        return self.owned.get((caller.name, about), self.own.get(about))


def build() -> World:
    """Create the world."""
    now = timezone.now()
    boss = User.objects.create_superuser("boss@example.org")
    shared = _shared(boss, now)
    asia = create_reserved(now=now, ref="asia-1", team="asia")
    callers = {each.name: each for each in _callers(boss, asia, now)}
    owned: dict[tuple[str, str], Any] = {}
    for name, caller in callers.items():
        if caller.user is not None:
            owned |= {(name, about): pk for about, pk in _things_of(caller.user, name, now).items()}
    own = shared | _objects(asia)
    return World(callers=callers, own=own, foreign=add_foreign("europe", now), owned=owned)


def add_foreign(team: str, now: datetime) -> dict[str, Any]:
    """Create a team that no caller belongs to, with all that it can have, and return the keys."""
    stranger = member(f"stranger@{team}.example", team)
    agreement = create_reserved(now=now, ref=f"{team}-1", team=team)
    return _objects(agreement) | _things_of(stranger, team, now)


def _objects(agreement: Agreement) -> dict[str, Any]:
    """Return the keys of one object of each kind that belongs to an agreement."""
    deadline = agreement.deadlines.get(obligation__ref="Zanzibar-1")
    alert = agreement.alerts.exclude(message__agreement=None).filter(email__contains="one@").get()
    batch = ImportBatch.objects.create(
        agreement=agreement,
        is_new_agreement=True,
        mode="add",
        imported_at=timezone.now(),
        counts={},
    )
    return {
        "agreement": agreement.ref,
        "admin agreement": agreement.pk,
        "obligation": deadline.obligation_id,
        "deadline": deadline.pk,
        "fact": deadline.facts.earliest("pk").pk,
        "proposal": deadline.proposals.get().pk,
        "evidence": agreement.evidence.get().pk,
        "position": deadline.positions.get().pk,
        "breach": deadline.breaches.earliest("pk").pk,
        "alert": alert.pk,
        "message": alert.message_id,
        "silence": agreement.silences.get().pk,
        "importbatch": batch.pk,
        "ledgerentry": deadline.ledger.earliest("pk").pk,
    }


def _shared(boss: User, now: datetime) -> dict[str, Any]:
    """Create and return the keys of what belongs to no team."""
    mistaken = create_agreement(ref="mistaken").agreement
    tombstone = purges.purge_agreement(agreement=mistaken, reason="x", by=boss, as_of=now)
    create_agreement(ref="open")
    seal = seals.seal(as_of=now) or Seal.objects.earliest("pk")
    draft = read(CustomCalendarDraft, {
        "code": "hq", "title": "Office", "closing_days": [{"on": "2026-12-24", "reason": "Eve"}],
    })  # fmt: skip
    calendar = calendars.save(calendar=None, draft=draft)
    team = Team.objects.create(slug="africa", name="Africa")
    return {
        "party": "ACME",
        "admin party": Agreement.objects.get(ref="open").parties.get(code="ACME").pk,
        "tombstone": tombstone.pk,
        "seal": seal.pk,
        "customcalendar": getattr(calendar, "pk", None),
        "user": User.objects.create_user("somebody@example.org").pk,
        "team": team.slug,
        "admin team": team.pk,
        "group": Group.objects.get(name="viewer").pk,
        "auditentry": AuditEntry.objects.earliest("pk").pk,
        "jobrun": JobRun.objects.create(kind="sweep", as_of=now, started_at=now, ended_at=now).pk,
        "outage": Outage.objects.create(part="sweep", began_at=now, ended_at=now).pk,
    }


def _things_of(user: User, name: str, now: datetime) -> dict[str, Any]:
    """Create what belongs to a user, and return the keys."""
    tokens.create_token(name=f"thing of {name}", user=user, is_read_only=False)
    token = ApiToken.objects.get(user=user, name=f"thing of {name}")
    label = f"{name} {token.pk}"
    email = f"s{token.pk}@example.org"
    return {
        "subscription": Subscription.objects.create(email=email, owner=user).pk,
        "webhook": Webhook.objects.create(
            name=label, url="https://x.example", owner=user, created_at=now,
            secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ).pk,
        "calendarfeed": CalendarFeed.objects.create(
            name=label, owner=user, token_hash=label.encode(), created_at=now
        ).pk,
        "apitoken": token.pk,
    }  # fmt: skip


def _callers(boss: User, asia: Agreement, now: datetime) -> list[Caller]:
    found = [_caller("anonymous", Who.EVERYONE)]
    people = {}
    for role in ("viewer", "analyst", "reviewer", "administrator"):
        people[role] = user = member(f"{role}@example.org", "asia")
        user.groups.add(Group.objects.get(name=role))
        found.append(_caller(role, Who[role.upper()], user))
    robot = member("robot@example.org", "asia", is_service_account=True)
    robot.groups.add(Group.objects.get(name="analyst"))
    key = tokens.create_token(name="robot", user=robot, is_read_only=False)
    found.append(_caller("service account", Who.ANALYST, robot, key))
    reviewer = people["reviewer"]

    def token(name: str, **fields: Any) -> str:
        draft = read(TokenDraft, {"name": name, **fields})
        return tokens.create(draft=draft, by=reviewer, creator=None, as_of=now)[1]

    found += [
        _caller("full", Who.REVIEWER, reviewer, token("full")),
        _caller("read-only", Who.REVIEWER, reviewer, token("read-only", is_read_only=True),
                is_read_only=True),
        _caller("of a team", Who.REVIEWER, reviewer, token("team", teams=["asia"]),
                is_restricted=True),
        _caller("of an agreement", Who.REVIEWER, reviewer,
                token("agreement", agreements=[asia.ref]), is_restricted=True),
        _caller("expired", Who.EVERYONE, key=token("expired")),
        _caller("revoked", Who.EVERYONE, key=token("revoked")),
    ]  # fmt: skip
    mine = ApiToken.objects.filter(user=reviewer)
    mine.filter(name="expired").update(expires_at=now - timedelta(seconds=1))
    mine.filter(name="revoked").update(revoked_at=now)
    # As if they were in use: the first use stores this.
    ApiToken.objects.update(last_used_at=now)
    return found


def _caller(name: str, role: Who, user: User | None = None, key: str = "", **more: Any) -> Caller:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    client = Client(headers=headers)
    if user is not None and not key:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return Caller(
        name=name, role=role, user=user, key=key, client=client, cookies=client.cookies, **more
    )


def exists_for(caller: Caller, about: str, whose: str, scope: Scope) -> bool:
    """Return whether an object exists for a caller."""
    if whose == "missing":
        return False
    if caller.is_restricted and scope is Scope.TEAM:
        return whose == "own"
    is_administrator = caller.role is Who.ADMINISTRATOR
    if scope is Scope.ADMINISTRATORS:
        return is_administrator
    if whose == "own":
        return True
    return is_administrator and scope is not Scope.OWNER_ONLY


_VOLATILE = re.compile(
    r'csrfmiddlewaretoken" value="[^"]*"|nonce="[^"]*"|X-CSRFToken[^}]*'
    r'|"request_id": ?"[^"]*"'
)
_COMPARED_HEADERS = (
    "Content-Type", "Location", "Allow", "WWW-Authenticate", "Cache-Control", "Vary", "ETag",
    "Last-Modified", "Content-Disposition", "Retry-After",
)  # fmt: skip


def answer(
    response: Any, key: Any, *, like: Any = None
) -> tuple[int, str, dict[str, str], list[str]]:
    """Return what a caller can learn from a response: status, content, headers and messages.

    Args:
        key: the key that was asked for.
        like: a key that takes its place, so that the answer can be compared with that for `like`.
    """

    def named(text: str) -> str:
        return text if like is None else text.replace(str(key), str(like))

    content = b"".join(response) if response.streaming else response.content
    request = getattr(response, "wsgi_request", None)
    messages = [named(str(each)) for each in get_messages(request)] if request else []
    headers = {
        name: named(response.headers[name])
        for name in _COMPARED_HEADERS
        if name in response.headers
    }
    return response.status_code, named(_VOLATILE.sub("", content.decode())), headers, messages
