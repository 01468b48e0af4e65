"""Webhooks as rows."""

from __future__ import annotations

from compliance.models.people.readers import current_reader
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one

# Secrets and the addresses of chats are never shown again.
_WEBHOOKS = """
SELECT w.id, w.name, w.kind, CASE WHEN w.kind = 'standard' THEN w.url END AS url, w.is_active,
    u.email AS owner, w.paused_until, w.former_until, w.created_at
FROM compliance_webhook AS w
LEFT JOIN compliance_user AS u ON u.id = w.owner_id
"""


def webhooks(listing: Listing) -> Page:
    """Return webhooks in order of creation."""
    return page(_WEBHOOKS, _own(), order=Order(table="w", columns=("id",)), listing=listing)


def webhook(webhook_id: int) -> Row | None:
    """Return one webhook, or None."""
    return one(_WEBHOOKS, _own().equal(w__id=webhook_id))


def _own() -> Where:
    """Return the condition that the reader owns a webhook; administrators see all."""
    return Where().equal(w__owner_id=current_reader().owner_id)
