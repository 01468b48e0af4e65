"""Users and groups."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString

from compliance.admin import instants, urls
from compliance.admin.confirmations import Confirmation, confirm
from compliance.admin.pages import get_row_or_404, page_context
from compliance.admin.people.closings import closing_page
from compliance.admin.people.lost_factors import removal_page
from compliance.admin.permissions import requires_perms
from compliance.admin.searching import folded
from compliance.admin.theme import ModelAdmin, ModelForm, button
from compliance.delivery.account_mails import send_address_change
from compliance.domain.email_addresses import email_address
from compliance.domain.problems import Invalid
from compliance.models import User
from compliance.operations.people import passwords, roles, users

if TYPE_CHECKING:
    from django.contrib.auth.forms import UserChangeForm

    BaseUserAdmin = auth_admin.UserAdmin[User]
    BaseUserForm = UserChangeForm[User]
else:
    from django.contrib.auth.forms import UserChangeForm as BaseUserForm

    BaseUserAdmin = auth_admin.UserAdmin

admin.site.unregister(Group)


class UserCreationForm(ModelForm):
    """The email address of a new user, who receives a link to choose a password."""

    class Meta:
        model = User
        fields = ("email", "is_service_account")
        help_texts = {
            "email": "Pacta emails this address a link to choose a password, if it is a person's.",
        }

    def clean_email(self) -> str:
        """Reject an address that is too long or differs from another user's only by case."""
        try:
            email = email_address(str(self.cleaned_data["email"]))
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from None
        if User.objects.filter(email__iexact=email).exists():
            sentence = f"There is already a user {email}."
            raise forms.ValidationError(sentence)
        return email

    def save(self, commit: bool = True) -> Any:
        """Create the user without a password, so that nobody can sign in as this user yet."""
        self.instance.set_unusable_password()
        return super().save(commit)


class UserForm(BaseUserForm):
    """The fields of a user, except the password."""

    password = None  # type: ignore[assignment]  # Django's own way to drop an inherited field

    def clean(self) -> Any:
        """Reject access to the admin for a service account, which cannot sign in."""
        values = super().clean()
        if self.instance.is_service_account and self.cleaned_data.get("is_staff"):
            self.add_error("is_staff", "A service account cannot sign in.")
        return values


@admin.register(User)
class UserAdmin(BaseUserAdmin, ModelAdmin):  # type: ignore[misc]  # Django narrows get_form
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
    list_filter = ("is_active", "is_service_account", "is_superuser", "groups")
    search_fields = folded("email", "first_name", "last_name")
    ordering = ("email",)
    readonly_fields = ("is_service_account", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", ("first_name", "last_name"), "is_service_account")}),
        (
            "Permissions",
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        ("Dates", {"fields": (("last_login", "date_joined"),)}),
    )
    add_fieldsets = ((None, {"fields": ("email", "is_service_account")}),)
    has_send_link_permission = requires_perms("compliance.change_user")

    @admin.display(description="Name")
    def full_name(self, user: User) -> str:
        """Return the first and last name."""
        return user.get_full_name() or "-"

    @admin.display(description="Last login", ordering="last_login")
    def last_login_time(self, user: User) -> SafeString:
        """Return when the user last signed in."""
        return instants.utc_html(user.last_login)

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
        """Send a mail after the commit. If that fails, show the problem; the change stays."""

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
                f"{user} receives a mail with a link that works once and lets them choose a new "
                "password. Until then their current password keeps working.",
            ),
            submit="Send the link",
        )

        def action() -> str:
            passwords.send_link(user=user)
            self.log_change(request, user, "Sent a password link.")
            return f"A password link was sent to {user}."

        return confirm(
            request,
            confirmation,
            action=action,
            back=urls.row_url("user", user.pk),
            context=page_context(self, request, user),
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
