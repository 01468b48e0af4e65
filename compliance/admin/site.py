"""The site as a whole: its sidebar in the order of the desk's work, and its first page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from compliance.admin import badges, moments
from compliance.models import Deadline
from compliance.operations.system.outages import PARTS
from compliance.queries.deadlines import overview as desk
from compliance.queries.deadlines.proposals import open_count
from compliance.queries.system.health import sweep_limit_seconds

admin.site.index_template = "admin/pacta/index.html"
admin.site.index_title = "At a glance"
# Rows are not deleted in bulk; most not at all.
admin.site.disable_action("delete_selected")

_SIDEBAR = (
    ("", (
        ("At a glance", "home", None),
        ("Deadlines", "event_upcoming", "deadline"),
        ("Agreements", "handshake", "agreement"),
        ("Obligations", "checklist", "obligation"),
        ("Parties", "flag", "party"),
        ("Calendars", "calendar_month", "deskcalendar"),
    )),
    ("What happened", (
        ("Breaches", "gavel", "breach"),
        ("Facts", "fact_check", "fact"),
        ("Proposals", "approval", "proposal"),
        ("Positions", "record_voice_over", "position"),
        ("Evidence", "attach_file", "evidence"),
        ("Ledger", "menu_book", "ledgerentry"),
    )),
    ("Who is told", (
        ("Alerts", "notifications", "alert"),
        ("Messages", "mail", "message"),
        ("Subscriptions", "rss_feed", "subscription"),
        ("Webhooks and chats", "webhook", "webhook"),
        ("Silences", "notifications_paused", "silence"),
        ("Calendar feeds", "calendar_add_on", "feed"),
    )),
    ("House", (
        ("Users", "person", "user"),
        ("Groups", "group", "auth.group"),
        ("API tokens", "key", "apitoken"),
        ("Sweep runs", "restart_alt", "sweeprun"),
        ("Recomputations", "calculate", "recomputation"),
        ("Seals", "verified", "seal"),
        ("Ledger checks", "rule", "ledgercheck"),
        ("Audits", "health_and_safety", "audit"),
        ("Outages", "power_off", "outage"),
    )),
)  # fmt: skip


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The pages that the user may view, in the order of the desk's work."""
    return [
        {
            "title": title,
            "separator": bool(title),
            "items": [
                {"title": name, "icon": icon, "link": _address(model), **_badge(model)}
                for name, icon, model in items
                if _may_view(request, model)
            ],
        }
        for title, items in _SIDEBAR
    ]


def _badge(model: str | None) -> dict[str, Any]:
    """How much waits there for somebody."""
    count = open_count() if model == "proposal" else 0
    return {"badge": count, "badge_variant": "warning"} if count else {}


def _address(model: str | None) -> str:
    if model is None:
        return reverse("admin:index")
    label = model.replace(".", "_") if "." in model else f"compliance_{model}"
    return reverse(f"admin:{label}_changelist")


def _may_view(request: HttpRequest, model: str | None) -> bool:
    if model is None:
        return True
    app, _, name = model.rpartition(".")
    app = app or "compliance"
    user: Any = request.user
    return any(user.has_perm(f"{app}.{verb}_{name}") for verb in ("view", "change"))


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page shows, to those who may see deadlines."""
    if not _may_view(request, "deadline"):
        return context
    now = timezone.now()
    seen = desk.at_a_glance(as_of=now)
    last = seen.last_sweep
    ended_at = last.ended_at if last else None
    is_alive = ended_at is not None and now - ended_at < timedelta(seconds=sweep_limit_seconds())
    listing = reverse("admin:compliance_deadline_changelist")
    return {
        **context,
        "desk": seen,
        "unmet": [_line(each, now) for each in seen.unmet],
        "coming": [_line(each, now) for each in seen.coming],
        "more_unmet": f"{listing}?status__exact=unmet",
        "more_coming": f"{listing}?status__exact=pending",
        "set_aside": f"{listing}?set_aside=yes",
        "recomputed": _recomputed(seen),
        "refused": f"{reverse('admin:compliance_message_changelist')}?state__exact=refused",
        "audit": _failed_audit(request, seen),
        "outages": [
            {
                "link": reverse("admin:compliance_outage_change", args=[outage.pk]),
                "part": outage.part,
                "length": moments.distance(now, outage.began_at),
                "means": PARTS.get(outage.part, ""),
            }
            for outage in seen.outages
            if _may_view(request, "outage")
        ],
        "sweep_is_alive": is_alive,
        "sweep_at": moments.utc(ended_at),
        "sweep_age": moments.distance(now, ended_at) if ended_at else "",
    }


def _failed_audit(request: HttpRequest, seen: desk.Desk) -> dict[str, Any] | None:
    last = seen.last_audit
    if last is None or not last.problems or not _may_view(request, "audit"):
        return None
    link = reverse("admin:compliance_audit_change", args=[last.pk])
    return {"link": link, "count": len(last.problems)}


def _recomputed(seen: desk.Desk) -> str:
    last = seen.last_recomputation
    if last is None or not last.failed:
        return ""
    return reverse("admin:compliance_recomputation_change", args=[last.pk])


def _line(deadline: Deadline, now: Any) -> dict[str, Any]:
    return {
        "link": reverse("admin:compliance_deadline_change", args=[deadline.pk]),
        "title": deadline.obligation.title,
        "where": f"{deadline.obligation.ref} · {deadline.agreement.title}",
        "standing": badges.standing(deadline),
        "severity": badges.badge(deadline.obligation.severity),
        "sides": badges.sides(deadline.obligation),
        "due": f"{moments.due_text(deadline)} {deadline.timezone if deadline.due_at else ''}",
        "due_utc": moments.utc(deadline.due_at, deadline.timezone) if deadline.due_at else "",
        "late": badges.lateness(deadline, now),
    }
