"""The pages of the admin that messages link to."""

from __future__ import annotations

from django.urls import reverse

from compliance.delivery.links import Pages, register_pages


def _deadlines(agreement_id: int | None) -> str:
    path = reverse("admin:compliance_deadline_changelist")
    return f"{path}?agreement__id__exact={agreement_id}" if agreement_id else path


register_pages(
    Pages(
        home=lambda: reverse("admin:index"),
        deadline=lambda row_id: reverse("admin:compliance_deadline_change", args=[row_id]),
        deadlines=_deadlines,
        ledger_check=lambda row_id: reverse("admin:compliance_ledgercheck_change", args=[row_id]),
    )
)
