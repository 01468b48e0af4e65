"""Close the account of someone who leaves, and pseudonymise it on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pghistory
import structlog
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db import transaction

from compliance.domain.people.drafts import ClosingDraft
from compliance.domain.people.pseudonyms import Identity, address_of, is_pseudonym
from compliance.domain.people.readers import SYSTEM
from compliance.domain.phrases import counted
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import AlertKind
from compliance.models import (
    ApiToken,
    CalendarFeed,
    Membership,
    Obligation,
    Responsibility,
    Subscription,
    User,
    Webhook,
)
from compliance.models.alerts.followers import follows
from compliance.models.bulk import fetch
from compliance.models.locks import for_update
from compliance.models.people.readers import reading_as
from compliance.operations.alerts import subscriptions
from compliance.operations.people import pseudonymisation
from compliance.operations.people.roles import check_may_change
from compliance.operations.people.users import keeping_an_administrator

log = structlog.get_logger(__name__)

# So many refs are listed; the numbers are exact.
MOST_LISTED = 100
# What identifies a person to the sign-in, and their sessions.
_SIGN_IN: tuple[Any, ...] = (Authenticator, EmailAddress, SocialAccount, UserSession)


@dataclass(frozen=True, kw_only=True, slots=True)
class Closing:
    """What was closed, and what somebody must now take care of."""

    user: str
    tokens: int
    calendar_feeds: int
    subscriptions: int
    handed_over: list[str] = field(default_factory=list)
    """Obligations for which the successor is responsible now."""
    still_responsible: list[str] = field(default_factory=list)
    """Obligations for which the closed account remains responsible."""
    without_recipients: list[str] = field(default_factory=list)
    "Open obligations about whose breaches nobody is notified any more."
    remaining: list[str] = field(default_factory=list)
    """Records, protected by hashes, that still contain the name or the address."""


@transaction.atomic
@reading_as(SYSTEM)
def close(*, user: User, draft: ClosingDraft, by: User | None, as_of: datetime) -> Closing:
    """Close an account for good: it can neither sign in nor be notified any more.

    Its sessions, API tokens, calendar feeds, subscriptions, roles and memberships end. What it
    recorded stays, under its name or its pseudonym. A closed account can be closed again, to hand
    more over or to pseudonymise it.

    Args:
        by: None stands for the operator.

    Raises:
        Invalid: it is one's own account, nobody else is an administrator, or the successor is not
            an active user.
        PermissionDenied: the user has a right that `by` lacks.
    """
    if by is not None:
        check_may_change(user, by=by)
        if by == user:
            raise refusal("", "You cannot close your own account: ask another administrator.")
    user = for_update(User.objects.all()).get(pk=user.pk)
    successor = _successor(draft.successor, user)
    identities = pseudonymisation.identities_of(user)
    reason = draft.reason
    if draft.pseudonymise:
        reason = pseudonymisation.cleaned(reason, user, identities)
    with pghistory.context(reason=reason, **({} if by is None else {"user": by.pk})):
        with keeping_an_administrator():
            closing = _close(user, successor, as_of)
        remaining = _pseudonymise(user, identities) if draft.pseudonymise else []
    log.info("account closed", user=user.pk, by=by and by.pk, pseudonymised=draft.pseudonymise)
    return Closing(**closing, user=user.email, remaining=remaining[:MOST_LISTED])


def _successor(email: str | None, user: User) -> User | None:
    if email is None:
        return None
    people = User.objects.filter(is_active=True, is_service_account=False).exclude(pk=user.pk)
    found = people.filter(email__iexact=email).first()
    if found is None:
        raise refusal("successor", f"There is no other active user {email}.")
    return found


def _close(user: User, successor: User | None, as_of: datetime) -> dict[str, Any]:
    before = _without_recipients()
    tokens = ApiToken.objects.filter(user=user, revoked_at=None)
    feeds = CalendarFeed.objects.filter(owner=user, revoked_at=None)
    counts = {"tokens": tokens.count(), "calendar_feeds": feeds.count()}
    tokens.update(revoked_at=as_of)
    feeds.update(revoked_at=as_of)
    handed_over, still_responsible = _hand_over(user, successor)
    followed = Subscription.objects.active().filter(email__iexact=user.email)
    ids = list(followed.values_list("pk", flat=True))
    ended = subscriptions.end(email=user.email, subscription_ids=ids, as_of=as_of)
    # The trigger ends the sessions and tokens.
    user.is_active = user.is_staff = user.is_superuser = False
    user.set_unusable_password()
    user.save(update_fields=["is_active", "is_staff", "is_superuser", "password"])
    user.groups.clear()
    user.user_permissions.clear()
    Membership.objects.filter(user=user).delete()
    for model in _SIGN_IN:
        model.objects.filter(user=user).delete()
    return {
        **counts,
        "subscriptions": len(ended),
        "handed_over": handed_over,
        "still_responsible": still_responsible,
        # Subscriptions of webhooks fall silent with their owner, too.
        "without_recipients": sorted(_without_recipients() - before)[:MOST_LISTED],
    }


def _hand_over(user: User, successor: User | None) -> tuple[list[str], list[str]]:
    """Hand over what a user is responsible for, and what others receive on their behalf.

    Without a successor, the user remains responsible, so that the alert audit reports the breaches
    of which nobody else hears.
    """
    named = Obligation.objects.filter(responsibilities__user=user).select_related("agreement")
    refs = [f"{each.agreement.ref}/{each.ref}" for each in named.order_by("agreement__ref", "ref")]
    listed = refs[:MOST_LISTED]
    if successor is None:
        return [], listed
    own = Responsibility.objects.filter(user=user)
    own.filter(obligation__responsibilities__user=successor).delete()
    Responsibility.objects.filter(user=user).update(user=successor)
    Subscription.objects.filter(owner=user).exclude(email__iexact=user.email).update(
        owner=successor
    )
    Webhook.objects.filter(owner=user).update(owner=successor)
    return listed, []


def _without_recipients() -> set[str]:
    """Return the obligations with open deadlines whose breaches nobody is notified of."""
    return {f"{agreement}/{ref}" for agreement, ref in fetch(_UNHEARD)}


def _pseudonymise(user: User, identities: Sequence[Identity]) -> list[str]:
    if is_pseudonym(user.email):
        return []
    user.email, user.first_name, user.last_name = address_of(user.pk), "", ""
    user.save(update_fields=["email", "first_name", "last_name"])
    return pseudonymisation.replace_everywhere(user, identities)


_FOLLOWED = follows(
    "s",
    kind=f"'{AlertKind.MISSED.value}'",
    level="0",
    agreement="d.agreement_id",
    obligation="d.obligation_id",
    deadline="d.id",
)
_UNHEARD = f"""
    SELECT DISTINCT a.ref, o.ref
    FROM compliance_deadline AS d
    JOIN compliance_obligation AS o ON o.id = d.obligation_id
    JOIN compliance_agreement AS a ON a.id = d.agreement_id AND a.archived_at IS NULL
    WHERE NOT d.is_closed AND NOT d.is_withdrawn
      AND NOT EXISTS (SELECT FROM compliance_subscription AS s WHERE {_FOLLOWED})
"""


def sentences(closing: Closing) -> list[str]:
    """Return as text what was closed, and what somebody must now take care of."""
    found = [
        f"{closing.user} is closed: {counted(closing.tokens, 'token')}, "
        f"{counted(closing.calendar_feeds, 'calendar feed')} and "
        f"{counted(closing.subscriptions, 'subscription')} ended."
    ]
    for intro, names in (
        ("Handed over", closing.handed_over),
        ("Still its responsibility", closing.still_responsible),
        ("Nobody is now notified about breaches of", closing.without_recipients),
        ("Still named, because hashes protect the text, in", closing.remaining),
    ):
        if names:
            found.append(f"{intro}: {', '.join(names)}.")
    return found
