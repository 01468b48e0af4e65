"""The URLs of the admin's pages. All links of the admin are built with these functions."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse

from compliance.delivery import links


def home_url() -> str:
    """Return the URL of the overview page."""
    return reverse("admin:index")


def list_url(model: str, **filters: object) -> str:
    """Return the URL of a model's list, with filters such as `status__exact="unmet"`.

    Args:
        model: a model of `compliance` in lower case, or `app.model` for another app.
    """
    app, _, name = model.rpartition(".")
    url = reverse(f"admin:{app or 'compliance'}_{name}_changelist")
    return f"{url}?{urlencode(filters)}" if filters else url


def add_url(model: str, **initial: object) -> str:
    """Return the URL of the page that adds a row, with initial values for its fields."""
    url = reverse(f"admin:compliance_{model}_add")
    return f"{url}?{urlencode(initial)}" if initial else url


def row_url(model: str, row_id: int) -> str:
    """Return the URL of the page of one row."""
    return reverse(f"admin:compliance_{model}_change", args=[row_id])


def agreement_url(agreement_id: int) -> str:
    """Return the URL of an agreement."""
    return row_url("agreement", agreement_id)


def obligation_row_url(agreement_id: int, page: int) -> str:
    """Return the URL of one page of the obligations that are edited with an agreement."""
    return f"{agreement_url(agreement_id)}?obligations-page={page}#obligations-heading"


def due_rule_preview_url() -> str:
    """Return the URL that previews a due rule while it is typed."""
    return reverse("admin:compliance_obligation_preview")


def responsible_choices_url(*, offers_me: bool) -> str:
    """Return the URL that searches those who can be responsible, also for `me` if it is offered."""
    url = reverse("admin:compliance_obligation_responsible")
    return f"{url}?me=1" if offers_me else url


def deadline_url(deadline_id: int) -> str:
    """Return the URL of a deadline."""
    return row_url("deadline", deadline_id)


def deadlines_url(
    *,
    agreement_id: int | None = None,
    obligation_id: int | None = None,
    attention: str | None = None,
    agreement_status: str | None = None,
) -> str:
    """Return the URL of the list of deadlines, optionally filtered."""
    filters = {
        "agreement__id__exact": agreement_id,
        "obligation__id__exact": obligation_id,
        "attention": attention,
        "agreement_status": agreement_status,
    }
    return list_url("deadline", **{name: value for name, value in filters.items() if value})


def ledger_url(deadline_id: int) -> str:
    """Return the URL of the ledger of a deadline."""
    return list_url("ledgerentry", deadline__id__exact=deadline_id)


def fact_url(fact_id: int) -> str:
    """Return the URL of a fact."""
    return row_url("fact", fact_id)


def deadline_alerts_url(deadline_id: int) -> str:
    """Return the URL of the list of alerts about a deadline."""
    return list_url("alert", deadline__id__exact=deadline_id)


def message_alerts_url(message_id: int) -> str:
    """Return the URL of the list of alerts in a message."""
    return list_url("alert", message__id__exact=message_id)


def failed_messages_url() -> str:
    """Return the URL of the list of messages that were refused or given up."""
    return list_url("message", state__exact="failed")


def open_proposals_url() -> str:
    """Return the URL of the list of proposals that await a decision."""
    return list_url("proposal", state__exact="open")


def webhook_subscriptions_url(webhook_id: int) -> str:
    """Return the URL of the list of subscriptions through a webhook."""
    return list_url("subscription", webhook__id__exact=webhook_id)


def silence_url(silence_id: int) -> str:
    """Return the URL of a silence."""
    return row_url("silence", silence_id)


def add_silence_url(deadline_id: int) -> str:
    """Return the URL of the page that adds a silence for a deadline."""
    return add_url("silence", deadline=deadline_id)


def sign_in_url() -> str:
    """Return the URL of the page on which people sign in."""
    return reverse("account_login")


def own_password_url() -> str:
    """Return the URL of the page on which users change their own password."""
    return reverse("admin:password_change")


def evidence_file_url(evidence_id: int, revision: int) -> str:
    """Return the URL from which one revision of an evidence file is downloaded."""
    return reverse("api:file", args=[evidence_id, revision])


def calendar_feed_url(token: str) -> str:
    """Return the absolute URL of a calendar feed, which calendar programs subscribe to."""
    return links.url(reverse("calendar_feed", args=[token]))
