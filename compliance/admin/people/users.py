"""Users and groups."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from compliance.admin import badges, instants, urls
from compliance.admin.confirmations import Confirmation, confirm
from compliance.admin.pages import get_row_or_404
from compliance.admin.people.closings import closing_page
from compliance.admin.people.lost_factors import removal_page
from compliance.admin.people.user_forms import UserCreationForm, UserForm
from compliance.admin.permissions import requires_perms
from compliance.admin.searching import folded
from compliance.admin.theme import ModelAdmin, button
from compliance.delivery.account_mails import send_address_change
from compliance.domain.problems import Invalid
from compliance.models import User
from compliance.operations.people import passwords, roles, users

if TYPE_CHECKING:
    BaseUserAdmin = auth_admin.UserAdmin[User]
else:
    BaseUserAdmin = auth_admin.UserAdmin

admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(BaseUserAdmin, ModelAdmin):  # type: ignore[misc]  # the bases declare get_form differently
    """Adds, changes and deactivates users. Users are never deleted, because records name them.

    Users choose their own passwords. Not even a superuser can choose one for someone else, because
    they could then sign in as that user and approve their own proposals.
    """

    form = UserForm
    compressed_fields = False
    add_form = UserCreationForm
    actions_detail = ("send_password_link", "remove_second_factors", "close_account")
    list_display = (
        "email", "full_name", "is_active", "is_service_account", "is_superuser", "last_login_time",
    )  # fmt: skip
    list_filter = (
        "is_active", "is_service_account", "is_superuser", "groups", "team_memberships__team",
    )  # fmt: skip
    search_fields = folded("email", "first_name", "last_name")
    ordering = ("email",)
    readonly_fields = ("is_service_account", "team_links", "last_login", "date_joined")
    fieldsets = (
        (
            None,
            {"fields": ("email", ("first_name", "last_name"), "is_service_account", "team_links")},
        ),
        (
            "Permissions",
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        ("Dates", {"fields": (("last_login", "date_joined"),)}),
    )
    add_fieldsets = ((None, {"fields": ("email", "is_service_account")}),)
    has_send_link_permission = requires_perms("compliance.change_user")
    last_login_time = instants.utc_column("last_login", "Last sign-in")

    @admin.display(description="Name")
    def full_name(self, user: User) -> str:
        """Return the first and last name."""
        return user.get_full_name() or "-"

    @admin.display(description="Teams")
    def team_links(self, user: User) -> SafeString:
        """Return the teams of the user, with links to the pages where members are set."""
        teams = user.teams.order_by("slug")
        links = [(badges.linked(each.name, urls.row_url("team", each.pk)),) for each in teams]
        return format_html_join(", ", "{}", links) or format_html("{}", "-")

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """Let only superusers grant single permissions or change the address of an account.

        Password links are mailed to that address, so whoever changes it can act as its owner.
        Owners change it themselves, on the pages of their account.
        """
        read_only = tuple(super().get_readonly_fields(request, obj))
        if obj is None:
            read_only = tuple(each for each in read_only if each != "is_service_account")
        if request.user.is_superuser:
            return read_only
        address = () if obj is None else ("email",)
        by: Any = request.user
        granting = () if by.is_administrator else ("groups",)
        return (*read_only, *address, *granting, "is_staff", "is_superuser", "user_permissions")

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Offer only the roles and groups whose every right the user has."""
        field: Any = super().formfield_for_manytomany(db_field, request, **options)
        if db_field.name == "groups":
            by: Any = request.user
            field.queryset = roles.grantable_groups(by=by)
        return field

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Let people change only users whose every right they have themselves."""
        by: Any = request.user
        if obj is not None and not roles.may_change(obj, by=by):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return False: users are deactivated instead."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Store the user and mail them.

        A new user gets a password link. If the address changed, both addresses are notified.
        """
        super().save_model(request, obj, form, change)
        if obj.is_service_account:
            return
        if not change:
            self._mail(request, lambda: passwords.send_link(user=obj))
        elif "email" in form.changed_data:
            old_address, by = form.initial["email"], request.user.get_username()
            for to in (old_address, obj.email):
                self._mail(
                    request,
                    partial(send_address_change, to=to, new_address=obj.email, changed_by=by),
                )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show the form or save it. Without any administrator left, nothing is stored."""
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        try:
            with transaction.atomic(), users.keeping_an_administrator():
                return super().changeform_view(request, object_id, form_url, extra_context)
        except Invalid as error:
            for problem in error.problems:
                messages.error(request, problem.detail)
            return HttpResponseRedirect(request.get_full_path())

    def _mail(self, request: HttpRequest, send: Callable[[], None]) -> None:
        """Send an email after the commit. If that fails, show the problem; the change stays."""

        def attempt() -> None:
            try:
                send()
            except Invalid as error:
                for problem in error.problems:
                    messages.error(request, problem.detail)

        transaction.on_commit(attempt)

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 -- Django passes it by this name
        form_url: str = "",
    ) -> HttpResponse:
        """Redirect users to the page where they change their own password.

        Raises:
            PermissionDenied: if it is someone else's.
        """
        if id != str(request.user.pk):
            raise PermissionDenied
        return HttpResponseRedirect(urls.own_password_url())

    @button(
        description="Send a password link",
        url_path="send-password-link",
        icon="lock_reset",
        permissions=["send_link"],
    )
    def send_password_link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for confirmation, then mail the user a link to choose a new password."""
        user = get_row_or_404(self, request, object_id, User)
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        confirmation = Confirmation(
            title=f"Send {user} a password link",
            lines=(
                f"{user} receives an email with a link that works once and lets them choose a new "
                "password. Until then their current password keeps working.",
            ),
            submit="Send the link",
        )

        def action() -> str:
            passwords.send_link(user=user)
            self.log_change(request, user, "Sent a password link.")
            return f"A password link was sent to {user}."

        return confirm(
            self,
            request,
            user,
            confirmation,
            action=action,
            back=urls.row_url("user", user.pk),
        )

    @button(
        description="Remove second factors", url_path="remove-second-factors",
        icon="phonelink_erase", permissions=["send_link"],
    )  # fmt: skip
    def remove_second_factors(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for confirmation, then remove the second factors of somebody who has lost them."""
        user = get_row_or_404(self, request, object_id, User)
        if not self.has_change_permission(request, user) or not isinstance(request.user, User):
            raise PermissionDenied
        return removal_page(self, request, user, by=request.user)

    @button(
        description="Close the account", url_path="close", icon="person_off",
        permissions=["send_link"],
    )  # fmt: skip
    def close_account(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the form that closes the account, or close it and say what is left to do."""
        user = get_row_or_404(self, request, object_id, User)
        if not self.has_change_permission(request, user) or not isinstance(request.user, User):
            raise PermissionDenied
        return closing_page(self, request, user, by=request.user)


@admin.register(Group)
class GroupAdmin(auth_admin.GroupAdmin, ModelAdmin):
    """Groups of permissions. Only superusers change them, because they grant permissions."""

    compressed_fields = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the user is a superuser."""
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return whether the user is a superuser."""
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return whether the user is a superuser."""
        return bool(request.user.is_superuser)
