"""Webhooks as rows."""

from __future__ import annotations

from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one

# Secrets and the addresses of chats are never shown again.
_WEBHOOKS = """
SELECT w.id, w.name, w.kind, CASE WHEN w.kind = 'standard' THEN w.url END AS url, w.is_active,
    w.paused_until, w.former_until, w.created_at
FROM compliance_webhook AS w
"""


def webhooks(listing: Listing) -> Page:
    """Return webhooks in order of creation."""
    return page(_WEBHOOKS, Where(), order=Order(table="w", columns=("id",)), listing=listing)


def webhook(webhook_id: int) -> Row | None:
    """Return one webhook, or None."""
    return one(_WEBHOOKS, Where().equal(w__id=webhook_id))
