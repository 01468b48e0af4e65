"""Private calendar feeds: making their addresses, and taking them back."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import transaction

from compliance.domain.alerts.drafts import FeedDraft
from compliance.domain.problems import refusal
from compliance.models import Agreement, Feed, User
from compliance.models.alerts.calendar_feeds import token_hash
from compliance.models.locks import for_update


@transaction.atomic
def create(*, draft: FeedDraft, owner: User, as_of: datetime) -> tuple[Feed, str]:
    """Make a feed. Returns it and the token of its address, which is not to be had again.

    Raises:
        Invalid: the agreement is not there, or its owner may not see deadlines.
    """
    if not owner.has_perm("compliance.view_deadline"):
        raise refusal("", "A feed shows deadlines, which your account may not see.")
    agreement = None
    if draft.agreement is not None:
        agreement = Agreement.objects.filter(ref=draft.agreement).first()
        if agreement is None:
            raise refusal("agreement", f"There is no agreement {draft.agreement}.")
    token = secrets.token_urlsafe(32)
    feed = Feed.objects.create(
        name=draft.name,
        owner=owner,
        agreement=agreement,
        token_hash=token_hash(token),
        created_at=as_of,
    )
    return feed, token


@transaction.atomic
def revoke(*, feed: Feed, as_of: datetime) -> Feed:
    """Take a feed's address back: from now on it is as if it had never been."""
    feed = for_update(Feed.objects.all()).get(pk=feed.pk)
    if feed.revoked_at is None:
        feed.revoked_at = as_of
        feed.save(update_fields=["revoked_at"])
    return feed
