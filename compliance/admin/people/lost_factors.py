"""The page that removes the second factors of a user who has lost them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from compliance.admin import urls
from compliance.admin.confirmations import Confirmation, confirm
from compliance.admin.theme import ModelAdmin
from compliance.delivery.account_mails import send_security_notice
from compliance.domain.problems import Invalid
from compliance.models import User
from compliance.operations.people import second_factors
from config.client_addresses import client_address


def removal_page(
    model_admin: ModelAdmin, request: HttpRequest, user: User, *, by: User
) -> HttpResponse:
    """Ask for confirmation, then remove the second factors and notify their owner."""
    confirmation = Confirmation(
        title=f"Remove the second factors of {user}",
        lines=(
            f"{user} can then sign in with the password alone, unless REQUIRE_MFA makes them set "
            "up a new second factor. First make sure that the request really comes from them.",
        ),
        submit="Remove them",
        is_destructive=True,
    )

    def action() -> str:
        second_factors.remove_all(user=user, by=by)
        model_admin.log_change(request, user, "Removed the second factors.")
        change, address = f"{by} removed your second factors.", client_address(request)
        try:
            send_security_notice(to=user.email, change=change, address=address)
        except Invalid as error:
            messages.error(request, error.problems[0].detail)
        return f"The second factors of {user} were removed."

    return confirm(
        model_admin,
        request,
        user,
        confirmation,
        action=action,
        back=urls.row_url("user", user.pk),
    )
