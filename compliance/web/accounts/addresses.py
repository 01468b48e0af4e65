"""The pages on which people change the address of their account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.generic.edit import FormView

from compliance.domain.people.lockouts import Proof
from compliance.domain.problems import Invalid
from compliance.operations.people import addresses, lockouts
from compliance.web.accounts.attempts import attempt_of, locked
from compliance.web.pages import invalid_link, page


class AddressForm(forms.Form):
    """The new address."""

    email = forms.EmailField(label="New address", max_length=254)


if TYPE_CHECKING:
    BaseAddressView = FormView[AddressForm]
else:
    BaseAddressView = FormView


@method_decorator((login_required, reauthentication_required), name="dispatch")
class AddressView(BaseAddressView):
    """Shows the current address; a POST requests a change."""

    form_class = AddressForm
    template_name = "account/address.html"

    def form_valid(self, form: AddressForm) -> HttpResponse:
        """Mail a link to the new address. Requests count like those for password links."""
        user: Any = self.request.user
        attempt = attempt_of(self.request, account=user.email, proof=Proof.LINK_REQUEST)
        ends_at = lockouts.count(attempt, as_of=timezone.now())
        if ends_at is not None:
            return locked(self.request, ends_at)
        try:
            addresses.request_change(user=user, new_address=form.cleaned_data["email"])
        except Invalid as error:
            for problem in error.problems:
                form.add_error("email", problem.detail)
            return self.form_invalid(form)
        sentence = "Follow the link in the email to your new address to confirm the change."
        messages.info(self.request, sentence)
        return redirect("account_address")


def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Ask the owner of a new address for confirmation; a POST changes the address."""
    try:
        if request.method == "POST":
            user = addresses.change(token=token)
            return page(
                request,
                "Your address is changed",
                lines=[f"Sign in as {user.email}. Your sessions, tokens and feeds have ended."],
                link="/account/login/",
                link_text="Sign in",
            )
        user, address = addresses.read_link(token)
    except Invalid:
        return invalid_link(request)
    response = render(request, "account/address_confirm.html", {"of": user, "address": address})
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response
