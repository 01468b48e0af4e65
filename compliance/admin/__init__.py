"""The admin: a thin door for the desk. Each room registers what it shows."""

from compliance.admin import message_links, site
from compliance.admin.agreements import agreements, obligations, parties
from compliance.admin.alerts import alerts, silences, subscriptions, webhooks
from compliance.admin.alerts import calendar_feeds as feeds
from compliance.admin.deadlines import breaches, deadlines, facts, proposals
from compliance.admin.due_dates import calendars
from compliance.admin.integrity import seals
from compliance.admin.people import users
from compliance.admin.system import audits, recomputations, sweeps

__all__ = [
    "agreements",
    "alerts",
    "audits",
    "breaches",
    "calendars",
    "deadlines",
    "facts",
    "feeds",
    "message_links",
    "obligations",
    "parties",
    "proposals",
    "recomputations",
    "seals",
    "silences",
    "site",
    "subscriptions",
    "sweeps",
    "users",
    "webhooks",
]
