"""Contents as the payload of a webhook, and as the text of a chat message."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from django.conf import settings

from compliance.delivery.contents import Contents, Item

# What a payload is of: alerts, or a call that only shows that the receiver can be reached.
ALERTS, TEST = "alerts", "test"
# A chat message lists this many and counts the rest.
_CHATTED = 10


def payload(contents: Contents, *, told_at: datetime, event: str = ALERTS) -> bytes:
    """The JSON that a receiver of webhooks gets: `type`, `timestamp` and `data`."""
    return orjson.dumps(
        {
            "type": event,
            "timestamp": told_at,
            "data": {
                "agreement": contents.agreement_ref or None,
                "counts": contents.counts,
                "omitted": contents.omitted,
                "url": f"{settings.SITE_URL}{contents.list_path}",
                "alerts": [_alert(item) for item in contents.items],
            },
        },
        option=orjson.OPT_UTC_Z,
    )


def _alert(item: Item) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "standing": item.standing,
        "deadline": item.deadline_id,
        "obligation_ref": item.ref,
        "agreement_title": item.agreement,
        "title": item.title,
        "severity": item.severity,
        "obligors": item.obligors,
        "obligees": item.obligees,
        "due": item.due,
        "course": item.course,
        "why": item.why,
        "is_disputed": item.is_disputed,
        "url": f"{settings.SITE_URL}{item.path}",
    }


def chat_text(contents: Contents) -> str:
    """What a chat shows below the subject."""
    lines = [
        f"- {item.headline}: {item.title} ({item.obligors_briefly}). {item.course} "
        f"{settings.SITE_URL}{item.path}"
        for item in contents.items[:_CHATTED]
    ]
    rest = contents.total - len(lines)
    if rest > 0:
        lines.append(f"And {rest:,} more: {settings.SITE_URL}{contents.list_path}")
    return "\n".join(lines)
