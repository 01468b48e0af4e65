"""Create and revoke the private addresses of calendar feeds."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import transaction

from compliance.domain.alerts.drafts import CalendarFeedDraft
from compliance.domain.problems import refusal
from compliance.models import Agreement, CalendarFeed, User
from compliance.models.alerts.calendar_feeds import token_hash
from compliance.models.locks import for_update
from compliance.models.people.readers import current_reader
from compliance.models.visibility import visible_to


@transaction.atomic
def create(*, draft: CalendarFeedDraft, owner: User, as_of: datetime) -> tuple[CalendarFeed, str]:
    """Create a calendar feed.

    Returns:
        The feed, and the token in its address. Only a hash of the token is stored, so the token
        cannot be read again.

    Raises:
        Invalid: the agreement does not exist, or the owner may not view deadlines.
    """
    if not owner.has_perm("compliance.view_deadline"):
        raise refusal("", "A calendar feed shows deadlines, which your account may not view.")
    agreement = None
    if draft.agreement is not None:
        found = Agreement.objects.filter(ref=draft.agreement)
        agreement = visible_to(found, current_reader()).first()
        if agreement is None:
            raise refusal("agreement", f"Agreement {draft.agreement} does not exist.")
    token = secrets.token_urlsafe(32)
    feed = CalendarFeed.objects.create(
        name=draft.name,
        owner=owner,
        agreement=agreement,
        token_hash=token_hash(token),
        created_at=as_of,
    )
    return feed, token


@transaction.atomic
def revoke(*, feed: CalendarFeed, as_of: datetime) -> CalendarFeed:
    """Revoke the address of a feed. From now on it responds as if it had never existed."""
    feed = for_update(CalendarFeed.objects.all()).get(pk=feed.pk)
    if feed.revoked_at is None:
        feed.revoked_at = as_of
        feed.save(update_fields=["revoked_at"])
    return feed
