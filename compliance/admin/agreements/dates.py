"""Columns with the dates of agreements, as precisely as they are known."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from compliance.admin import instants
from compliance.models import Agreement


@admin.display(description="Signed on", ordering="signed_on")
def signed(agreement: Agreement) -> SafeString:
    """Return when an agreement was signed."""
    return _on_one_line(instants.period_input(agreement, "signed_on"))


@admin.display(description="In force on", ordering="in_force_on")
def in_force(agreement: Agreement) -> SafeString:
    """Return when an agreement entered into force."""
    return _on_one_line(instants.period_input(agreement, "in_force_on"))


def _on_one_line(text: str) -> SafeString:
    return format_html('<span class="pacta-time">{}</span>', text or "-")
