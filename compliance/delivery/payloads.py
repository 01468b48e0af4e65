"""Contents as the JSON payload of a webhook, and as the text of a chat message."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from compliance.delivery import links
from compliance.delivery.contents import Contents, Item

# The types of a payload: alerts, or a test that the receiver can be reached.
ALERTS, TEST = "alerts", "test"
# A chat message lists this many deadlines and counts the rest.
_MAX_IN_CHAT = 10


def payload(contents: Contents, *, sent_at: datetime, event: str = ALERTS) -> bytes:
    """Return the JSON that a webhook receives, with `type`, `timestamp` and `data`."""
    return orjson.dumps(
        {
            "type": event,
            "timestamp": sent_at,
            "data": {
                "agreement": contents.agreement_ref or None,
                "counts": contents.counts,
                "omitted": contents.omitted,
                "url": links.url(contents.list_path),
                "alerts": [_alert(item) for item in contents.items],
            },
        },
        option=orjson.OPT_UTC_Z,
    )


def chat_text(contents: Contents) -> str:
    """Return the text that a chat shows below the subject."""
    lines = [
        f"- {item.headline}: {item.title} ({item.obligors_short}). {item.situation} "
        f"{links.url(item.path)}"
        for item in contents.items[:_MAX_IN_CHAT]
    ]
    rest = contents.total - len(lines)
    if rest > 0:
        lines.append(f"And {rest:,} more: {links.url(contents.list_path)}")
    return "\n".join(lines)


def _alert(item: Item) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "label": item.label,
        "predates_entry": item.predates_entry,
        "deadline": item.deadline_id,
        "obligation_ref": item.ref,
        "agreement_title": item.agreement,
        "title": item.title,
        "severity": item.severity,
        "obligors": item.obligors,
        "obligees": item.obligees,
        "due": item.due.lines[0],
        "situation": item.situation,
        "history": item.history,
        "is_disputed": item.is_disputed,
        "url": links.url(item.path),
    }
