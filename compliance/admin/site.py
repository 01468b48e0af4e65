"""The admin site as a whole: its sidebar and its overview page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache

from compliance.admin import badges, instants, urls
from compliance.admin.field_labels import label_fields
from compliance.admin.visible import reader
from compliance.domain.civil_time import zone_label
from compliance.domain.phrases import shortened
from compliance.models import Deadline
from compliance.operations.system.outages import PARTS
from compliance.queries.deadlines import overview
from compliance.queries.deadlines.overview import Attention
from compliance.queries.deadlines.proposals import open_count
from compliance.queries.system.health import sweep_limit_seconds

admin.site.index_template = "admin/pacta/index.html"
admin.site.index_title = "Overview"
# Most rows are never deleted, and none are deleted in bulk.
admin.site.disable_action("delete_selected")


def _may_enter(request: HttpRequest) -> bool:
    """Return whether somebody may use the admin: whoever has a role, or any permission at all."""
    user: Any = request.user
    return bool(user.is_active and (user.is_staff or user.get_all_permissions()))


def _login(request: HttpRequest) -> Any:
    """Redirect to the page on which people sign in.

    Raises:
        PermissionDenied: they are signed in already, and may not use the admin.
    """
    if request.user.is_authenticated and not _may_enter(request):
        raise PermissionDenied
    follow = request.GET.get("next") or urls.home_url()
    return redirect_to_login(follow, urls.sign_in_url())


def _change_password(_request: HttpRequest) -> Any:
    """Redirect to the page on which people change their own password."""
    return redirect("account_change_password")


# The pages of an account are the only place where its owner, and nobody else, changes how they
# sign in. In the admin, others could add factors or identities of their own to it.
for _app in ("account", "mfa", "socialaccount", "usersessions"):
    for _model in apps.get_app_config(_app).get_models():
        if admin.site.is_registered(_model):
            admin.site.unregister(_model)

# All models are registered with Django's own site, so its methods are replaced.
_site: Any = admin.site
_site.has_permission = _may_enter
_site.login = never_cache(_login)
_site.password_change = _change_password

label_fields()

_SIDEBAR = (
    ("", (
        ("Overview", "home", None),
        ("Deadlines", "event_upcoming", "deadline"),
        ("Agreements", "handshake", "agreement"),
        ("Obligations", "checklist", "obligation"),
        ("Parties", "flag", "party"),
        ("Calendars", "calendar_month", "customcalendar"),
    )),
    ("Records", (
        ("Breaches", "gavel", "breach"),
        ("Facts", "fact_check", "fact"),
        ("Proposals", "approval", "proposal"),
        ("Positions", "record_voice_over", "position"),
        ("Evidence", "attach_file", "evidence"),
        ("Ledger", "menu_book", "ledgerentry"),
        ("Imports", "upload_file", "importbatch"),
    )),
    ("Notifications", (
        ("Alerts", "notifications", "alert"),
        ("Messages", "mail", "message"),
        ("Subscriptions", "rss_feed", "subscription"),
        ("Webhooks and chats", "webhook", "webhook"),
        ("Silences", "notifications_paused", "silence"),
        ("Calendar feeds", "calendar_add_on", "calendarfeed"),
    )),
    ("Administration", (
        ("Users", "person", "user"),
        ("Teams", "groups", "team"),
        ("Groups", "group", "auth.group"),
        ("API tokens", "key", "apitoken"),
        ("Audit log", "policy", "auditentry"),
    )),
    ("System", (
        ("Job runs", "restart_alt", "jobrun"),
        ("Outages", "power_off", "outage"),
        ("Seals", "verified", "seal"),
        ("Tombstones", "delete_forever", "tombstone"),
    )),
)  # fmt: skip


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of links in the sidebar that the user may view."""
    return [
        {
            "title": title,
            "separator": bool(title),
            "items": [
                {"title": label, "icon": icon, **_link(request, model)}
                for label, icon, model in items
                if _may_view(request, model)
            ],
        }
        for title, items in _SIDEBAR
    ]


def _link(request: HttpRequest, model: str | None) -> dict[str, Any]:
    """Return the link of an entry. A badge is the number of proposals that await a decision."""
    if model is None:
        return {"link": urls.home_url()}
    count = open_count(reader(request)) if model == "proposal" else 0
    if not count:
        return {"link": urls.list_url(model)}
    return {"link": urls.open_proposals_url(), "badge": count, "badge_variant": "warning"}


def _may_view(request: HttpRequest, model: str | None) -> bool:
    if model is None:
        return True
    app, _, name = model.rpartition(".")
    app = app or "compliance"
    user: Any = request.user
    return any(user.has_perm(f"{app}.{verb}_{name}") for verb in ("view", "change"))


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add to the context what the overview page shows to users who may view deadlines."""
    if not _may_view(request, "deadline"):
        return context
    now = timezone.now()
    found = overview.load(reader=reader(request), as_of=now)
    return {
        **context,
        "overview": found,
        "mine": [_deadline_row(each, now) for each in found.mine],
        "unmet": [_deadline_row(each, now) for each in found.unmet],
        "coming": [_deadline_row(each, now) for each in found.coming],
        "mine_tile": _tile(found, Attention.MINE),
        "unmet_tile": _tile(found, Attention.UNMET),
        "coming_tile": _tile(found, Attention.DUE_SOON),
        "quarantined_tile": _tile(found, Attention.QUARANTINED),
        "not_recomputed_tile": _tile(found, Attention.NOT_RECOMPUTED),
        "failed_url": urls.failed_messages_url() if _may_view(request, "message") else "",
        "failed_audit": _failed_audit(request, found),
        "outages": _outages(request, found, now),
        **_sweep_state(found, now),
    }


def _sweep_state(found: overview.Overview, now: datetime) -> dict[str, Any]:
    """Return when the last sweep finished, and whether that is recent enough."""
    last = found.last_sweep
    ended_at = last.ended_at if last else None
    if ended_at is None:
        return {"sweep_is_alive": False, "sweep_age": ""}
    is_alive = now - ended_at < timedelta(seconds=sweep_limit_seconds())
    return {"sweep_is_alive": is_alive, "sweep_age": instants.duration_text(now, ended_at)}


def _failed_audit(request: HttpRequest, found: overview.Overview) -> dict[str, Any] | None:
    last = found.last_audit
    if last is None or not last.problems or not _may_view(request, "jobrun"):
        return None
    if reader(request).is_limited:
        return None
    return {"url": urls.row_url("jobrun", last.pk), "count": len(last.problems)}


def _tile(found: overview.Overview, attention: Attention) -> dict[str, Any]:
    """Return a number of deadlines, and the URL of the list of exactly these."""
    return {
        "count": found.counts[attention],
        "url": urls.deadlines_url(attention=attention.value),
    }


def _outages(request: HttpRequest, found: overview.Overview, now: datetime) -> list[dict[str, Any]]:
    if not _may_view(request, "outage"):
        return []
    return [
        {
            "url": urls.row_url("outage", outage.pk),
            "part": outage.part,
            "duration": instants.duration_text(now, outage.began_at),
            "meaning": PARTS.get(outage.part, ""),
        }
        for outage in found.outages
    ]


def _deadline_row(deadline: Deadline, now: datetime) -> dict[str, Any]:
    zone = zone_label(deadline.timezone) if deadline.due_at else ""
    return {
        "url": urls.deadline_url(deadline.pk),
        "title": shortened(deadline.obligation.title, 120),
        "source": f"{deadline.obligation.ref} · {deadline.agreement}",
        "status": badges.status_badges(deadline),
        "severity": badges.badge(deadline.obligation.severity),
        "parties": badges.parties_html(deadline.obligation, obligor_id=deadline.party_id),
        "due": f"{instants.due_text(deadline)} {zone}",
        "due_utc": instants.utc_html(deadline.due_at, deadline.timezone) if deadline.due_at else "",
        "lateness": badges.lateness(deadline, now),
    }
