"""API tokens. The key of a token is shown once, when it is created or rotated."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from compliance.admin import badges, instants, urls
from compliance.admin.confirmations import (
    Confirmation,
    OneTimeSecret,
    ask_then_show_secret,
    confirm,
)
from compliance.admin.history import HistoryAdmin
from compliance.admin.pages import get_row_or_404
from compliance.admin.people.token_forms import RotationForm, TokenForm
from compliance.admin.permissions import requires_perms
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.searching import folded
from compliance.admin.theme import button
from compliance.domain.vocabulary import TokenState
from compliance.models import Agreement, ApiToken, Team, User
from compliance.operations.people import tokens
from compliance.queries.people.tokens import sees_all_tokens


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin, HistoryAdmin):
    """Each user's own tokens. Administrators see and revoke all, but never see their keys."""

    list_display = ("name", "user", "state", "is_read_only", "last_used", "expires", "created")
    list_filter = ("is_read_only", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    search_fields = folded("name", "user__email")
    ordering = ("-id",)
    fields = (
        "name", "user", "state", "is_read_only", "allowed_networks", "restriction", "last_used",
        "expires", "created", "rotated",
    )  # fmt: skip
    has_revoke_permission = requires_perms("compliance.delete_apitoken")
    has_rotate_permission = requires_perms("compliance.change_apitoken")
    actions_detail = ("rotate", "revoke")
    last_used = instants.utc_column("last_used_at", "Last used")
    expires = instants.utc_column("expires_at", "Expires")
    created = instants.utc_column("created_at", "Created")

    @admin.display(description="State", ordering="revoked_at")
    def state(self, token: ApiToken) -> SafeString:
        """Return whether the token is valid, and if not, since when."""
        if token.revoked_at is not None:
            since = instants.utc_html(token.revoked_at)
            return badges.two_lines(badges.badge(TokenState.REVOKED.value), since)
        has_expired = token.has_expired(timezone.now())
        return badges.badge((TokenState.EXPIRED if has_expired else TokenState.ACTIVE).value)

    @admin.display(description="Networks")
    def allowed_networks(self, token: ApiToken) -> str:
        """Return the networks from which the token may be used."""
        return "All" if token.networks is None else ", ".join(token.networks)

    @admin.display(description="Restricted to")
    def restriction(self, token: ApiToken) -> str:
        """Return the teams and agreements to which the token is restricted."""
        found = []
        if token.team_ids is not None:
            slugs = Team.objects.filter(pk__in=token.team_ids).values_list("slug", flat=True)
            found.append(f"teams: {', '.join(slugs) or 'none'}")
        if token.agreement_ids is not None:
            agreements = Agreement.objects.filter(pk__in=token.agreement_ids).order_by("ref")
            refs = agreements.values_list("ref", flat=True)
            found.append(f"agreements: {', '.join(refs) or 'none'}")
        return "; ".join(found) or "-"

    @admin.display(description="Rotated", ordering="rotated_at")
    def rotated(self, token: ApiToken) -> SafeString:
        """Return when the token was last rotated, and until when its previous key works."""
        at = instants.utc_html(token.rotated_at)
        if token.former_until is None or token.former_until <= timezone.now():
            return at
        until = instants.utc_html(token.former_until)
        return badges.two_lines(at, f"The previous key works until {until}.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return all tokens for an administrator, and only their own for other users."""
        found: QuerySet[Any] = super().get_queryset(request)
        user = _user(request)
        return found if sees_all_tokens(user) else found.filter(user=user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may create tokens."""
        return bool(request.user.has_perm("compliance.add_apitoken"))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Create a token and show its key once, in the response."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        user = _user(request)
        users = User.objects.filter(Q(pk=user.pk) | Q(is_service_account=True), is_active=True)
        teams = Team.objects.all()
        if not sees_all_tokens(user):
            users, teams = users.filter(pk=user.pk), teams.filter(members=user)
        form = TokenForm(
            request.POST or None,
            users=users.order_by("email"),
            teams=teams,
            initial={"user": user.email},
        )

        def create() -> OneTimeSecret:
            now = timezone.now()
            token, key = tokens.create(draft=form.draft(), by=user, creator=None, as_of=now)
            return _shown_once(token, key)

        return ask_then_show_secret(
            self, request, form, create=create, title="Create an API token", submit="Create token"
        )

    @button(
        description="Rotate",
        url_path="rotate",
        icon="autorenew",
        permissions=["rotate"],
    )
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the overlap, then replace the key and show the new one once."""
        token = get_row_or_404(self, request, object_id, ApiToken)
        if not tokens.may_manage(token.user, by=_user(request)):
            raise PermissionDenied
        form = RotationForm(request.POST or None)

        def rotate() -> OneTimeSecret:
            overlap = timedelta(minutes=form.draft().overlap_minutes)
            key = tokens.rotate(token=token, overlap=overlap, as_of=timezone.now())
            return _shown_once(token, key)

        title = f"Rotate the token {token.name}"
        return ask_then_show_secret(
            self, request, form, create=rotate, title=title, submit="Rotate token"
        )

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
            tokens.revoke(token=token, as_of=timezone.now())
            return f"Token {token.name} revoked."

        return confirm(
            self,
            request,
            token,
            confirmation,
            action=action,
            back=urls.list_url("apitoken"),
        )


def _shown_once(token: ApiToken, key: str) -> OneTimeSecret:
    return OneTimeSecret(
        name=token.name,
        value=key,
        advice="Copy the key now. It is not stored and will not be shown again.",
        usage="Send it in the header Authorization: Bearer …",
    )


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
