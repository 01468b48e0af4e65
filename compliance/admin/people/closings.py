"""The form that closes an account."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from compliance.admin import fields, urls
from compliance.admin.operation_forms import add_problems, without_empty
from compliance.admin.pages import page_context
from compliance.admin.theme import CheckboxInput, ModelAdmin
from compliance.domain.drafts import read
from compliance.domain.people.drafts import ClosingDraft
from compliance.domain.problems import Invalid
from compliance.models import User
from compliance.operations.people import closings

ADVICE = (
    "The account can no longer sign in or be notified: its sessions, API tokens, calendar "
    "feeds, subscriptions, roles and memberships end. What it recorded stays. To lock someone "
    "out for a while, deactivate the account instead."
)


class ClosingForm(forms.Form):
    """Closes an account for good, and pseudonymises it on request."""

    reason = fields.text_field(required=True, help_text="Kept in the history and the audit log.")
    successor = fields.text_field(
        required=False,
        help_text="The address of the user who becomes responsible in place of this one.",
    )
    pseudonymise = forms.BooleanField(
        label="Also remove the name and the address everywhere (cannot be undone)",
        required=False,
        widget=CheckboxInput(),
    )

    def draft(self) -> ClosingDraft:
        """Return the draft.

        Raises:
            Invalid: a value is not valid.
        """
        return read(ClosingDraft, without_empty(self.cleaned_data))


def closing_page(
    model_admin: ModelAdmin, request: HttpRequest, user: User, *, by: User
) -> HttpResponse:
    """Show the form that closes an account, or close it and say what is left to do."""
    form = ClosingForm(request.POST or None)
    back = urls.row_url("user", user.pk)
    if request.method == "POST" and form.is_valid():
        try:
            closing = closings.close(user=user, draft=form.draft(), by=by, as_of=timezone.now())
        except Invalid as error:
            add_problems(form, error.problems)
        else:
            for sentence in closings.sentences(closing):
                messages.success(request, sentence)
            return HttpResponseRedirect(back)
    title = f"Close the account of {user}"
    context = page_context(model_admin, request, user, title=title, back=back)
    context |= {"form": form, "submit": "Close the account", "advice": ADVICE}
    return TemplateResponse(request, "admin/pacta/create.html", context)
