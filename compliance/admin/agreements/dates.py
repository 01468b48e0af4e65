"""Columns with the dates of agreements, as precisely as they are known."""

from __future__ import annotations

from django.contrib import admin

from compliance.admin import instants
from compliance.models import Agreement


@admin.display(description="Signed on", ordering="signed_on")
def signed(agreement: Agreement) -> str:
    """Return when an agreement was signed."""
    return instants.period_input(agreement, "signed_on") or "-"


@admin.display(description="In force on", ordering="in_force_on")
def in_force(agreement: Agreement) -> str:
    """Return when an agreement entered into force."""
    return instants.period_input(agreement, "in_force_on") or "-"
