"""API tokens. A token is shown once, when it is created."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from compliance.admin import fields, instants, urls
from compliance.admin.confirmations import Confirmation, OneTimeSecret, confirm, show_secret
from compliance.admin.operation_forms import add_problems
from compliance.admin.pages import get_row_or_404, page_context
from compliance.admin.permissions import requires_perms
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.searching import folded
from compliance.admin.theme import CheckboxInput, Select, button
from compliance.domain.problems import Invalid
from compliance.models import ApiToken, User
from compliance.operations.people import tokens


class TokenForm(forms.Form):
    """The fields of a new token."""

    name = fields.text_field(required=True, help_text="Where it is used, such as dashboard.")
    user = forms.ModelChoiceField(
        queryset=User.objects.none(),
        to_field_name="email",
        widget=Select(),
        help_text="The token has the permissions of this user.",
    )
    is_read_only = forms.BooleanField(
        label="Read-only", required=False, initial=True, widget=CheckboxInput()
    )

    def __init__(self, *args: Any, users: QuerySet[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        user = self.fields["user"]
        assert isinstance(user, forms.ModelChoiceField)
        user.queryset = users


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Creates and revokes tokens."""

    list_display = ("name", "user", "is_read_only", "created_time")
    list_filter = ("is_read_only",)
    list_select_related = ("user",)
    search_fields = folded("name", "user__email")
    ordering = ("-created",)
    fields = ("name", "user", "is_read_only", "created_time")
    has_revoke_permission = requires_perms("compliance.delete_apitoken")
    actions_detail = ("revoke",)

    @admin.display(description="Created", ordering="created")
    def created_time(self, token: ApiToken) -> SafeString:
        """Return when the token was created."""
        return instants.utc_html(token.created)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return all tokens for a superuser, and only their own for other users."""
        found: QuerySet[Any] = super().get_queryset(request)
        own = found.filter(user__email=request.user.get_username())
        return found if request.user.is_superuser else own

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may create tokens."""
        return bool(request.user.has_perm("compliance.add_apitoken"))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Create a token and show it once, in the response."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        # A token for another user would grant the permissions of that user.
        users = User.objects.filter(is_active=True).order_by("email")
        if not request.user.is_superuser:
            users = users.filter(email=request.user.get_username())
        initial = {"user": request.user.get_username()}
        form = TokenForm(request.POST or None, users=users, initial=initial)
        title, back = "Create an API token", urls.list_url("apitoken")
        context = page_context(self, request, title=title, back=back)
        if request.method == "POST" and form.is_valid():
            try:
                token = tokens.create_token(**form.cleaned_data)
            except Invalid as error:
                add_problems(form, error.problems)
            else:
                secret = OneTimeSecret(
                    name=form.cleaned_data["name"],
                    value=token,
                    advice="Copy the token now. It is not stored and will not be shown again.",
                    usage="Send it in the header Authorization: Bearer …",
                )
                return show_secret(request, secret, title=title, back=back, context=context)
        context |= {"form": form, "submit": "Create token"}
        return TemplateResponse(request, "admin/pacta/create.html", context)

    @button(
        description="Revoke",
        url_path="revoke",
        icon="key_off",
        permissions=["revoke"],
    )
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for confirmation, then revoke the token."""
        token = get_row_or_404(self, request, object_id, ApiToken)
        confirmation = Confirmation(
            title=f"Revoke the token {token.name}",
            lines=(
                f"Requests with the token {token.name} of {token.user} are refused from now on. "
                "This cannot be undone.",
            ),
            submit="Revoke the token",
            is_destructive=True,
        )

        def action() -> str:
            tokens.revoke_token(token=token)
            return f"Token {token.name} revoked."

        return confirm(
            request,
            confirmation,
            action=action,
            back=urls.list_url("apitoken"),
            context=page_context(self, request, token),
        )
