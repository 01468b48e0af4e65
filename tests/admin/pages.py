"""URLs of admin pages, and what a browser posts from them."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from compliance.admin.due_dates.due_rules import RuleWidget
from compliance.models import Deadline


def address(model: str, page: str, *args: Any) -> str:
    """Return the URL of a page, such as `agreement`, `change`, 1."""
    return reverse(f"admin:compliance_{model}_{page}", args=args)


def filled_in(client: Client, url: str) -> dict[str, Any]:
    """Return what a browser posts from a page if nothing is changed."""
    context = client.get(url).context
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        formset = inline.formset
        forms += [formset.management_form, *formset.forms]
    values: dict[str, Any] = {}
    for form in forms:
        for field in form:
            if field.field.disabled:
                continue
            value = field.value()
            if isinstance(field.field.widget, RuleWidget):
                values |= field.field.widget.posted(field.html_name, value)
            else:
                values[field.html_name] = "" if value is None else value
    return values


def errors(response: Any) -> dict[str, list[str]]:
    """Return the errors on a page by field name."""
    context = response.context
    found: dict[str, list[str]] = {}
    forms = [context["adminform"].form] if "adminform" in context else [context["form"]]
    for inline in context.get("inline_admin_formsets") or ():
        forms += inline.formset.forms
        if inline.formset.non_form_errors():
            found[inline.formset.prefix] = list(inline.formset.non_form_errors())
    for form in forms:
        for name, messages in form.errors.items():
            prefixed = form.add_prefix(name) if name != "__all__" else form.prefix or ""
            found[prefixed] = [str(message) for message in messages]
    return found


def act(client: Client, deadline: Deadline, action: str, **values: Any) -> Any:
    """Post one of the record forms of a deadline."""
    return client.post(address("deadline", action, deadline.pk), values)


def agreement_form(**values: Any) -> dict[str, Any]:
    """Return what the page posts for a new agreement with two parties and one obligation."""
    return {
        "ref": "supply-2026",
        "title": "Supply agreement",
        "kind": "contract",
        "signed_on": "2026-01-10",
        "in_force_on": "",
        "ends_on": "",
        "timezone": "",
        "calendars": "DE-BY, US",
        "memberships-TOTAL_FORMS": "2",
        "memberships-INITIAL_FORMS": "0",
        "memberships-0-party": "ACME",
        "memberships-0-role": "buyer",
        "memberships-1-party": "CHN",
        "memberships-1-role": "",
        "milestones-TOTAL_FORMS": "0",
        "milestones-INITIAL_FORMS": "0",
        "obligations-TOTAL_FORMS": "1",
        "obligations-INITIAL_FORMS": "0",
        "obligations-0-ref": "O-1",
        "obligations-0-title": "Deliver the first lot",
        "obligations-0-kind": "achieve",
        "obligations-0-severity": "high",
        "obligations-0-obligors": ["CHN"],
        "obligations-0-obligees": ["ACME"],
        "obligations-0-clause": "Art. 3(1)",
        "obligations-0-text": "The supplier shall deliver.\r\nIn full.",
        "obligations-0-due_type": "date",
        "obligations-0-due_on": "2099-03-15",
        "obligations-0-due_time": "",
        "obligations-0-due_timezone": "",
        "obligations-0-grace_count": "5",
        "obligations-0-grace_unit": "business_days",
        "obligations-0-tags": "supply, hs:2805",
        "obligations-0-responsible": "ana@example.org",
        "obligations-0-parent": "",
        "obligations-0-target_quantity": "100",
        "obligations-0-unit": "t",
        **values,
    }
