"""People who use Pacta, their groups, and the API tokens that act for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from compliance.admin import fields, moments
from compliance.admin.answering import Question, Secret, confirm, show_once
from compliance.admin.permissions import right
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.saving import place
from compliance.admin.theme import Checkbox, Choice, ModelAdmin, ModelForm, button
from compliance.delivery.account_mails import send_address_change
from compliance.domain.problems import Invalid
from compliance.models import ApiToken, User
from compliance.operations.people import passwords, tokens

if TYPE_CHECKING:
    from django.contrib.auth.forms import UserChangeForm

    BaseUserAdmin = auth_admin.UserAdmin[User]
    BaseUserForm = UserChangeForm[User]
else:
    from django.contrib.auth.forms import UserChangeForm as BaseUserForm

    BaseUserAdmin = auth_admin.UserAdmin

admin.site.unregister(Group)


class UserCreationForm(ModelForm):
    """A new person, by mail address. They choose their password by a link that they are mailed."""

    class Meta:
        model = User
        fields = ("email",)

    def clean_email(self) -> str:
        """Refuse an address that differs from a known one only by case."""
        email = str(self.cleaned_data["email"])
        if User.objects.filter(email__iexact=email).exists():
            sentence = f"There is already a user {email}."
            raise forms.ValidationError(sentence)
        return email

    def save(self, commit: bool = True) -> Any:
        """Make the user, as whom nobody can sign in yet."""
        self.instance.set_unusable_password()
        return super().save(commit)


class UserForm(BaseUserForm):
    """A user, without their password."""

    password = None  # type: ignore[assignment]  # Django's own way to drop an inherited field


@admin.register(User)
class UserAdmin(BaseUserAdmin, ModelAdmin):
    """People and their rights. Nobody is deleted: what they recorded names them.

    Nobody chooses a password for somebody else either, superusers included: whoever knows one
    could act as its owner, and approve what they proposed themselves.
    """

    form = UserForm
    compressed_fields = False
    add_form = UserCreationForm
    actions_detail = ("send_password_link",)
    list_display = ("email", "full_name", "is_active", "is_staff", "is_superuser", "seen")
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("email",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", ("first_name", "last_name"))}),
        (
            "Rights",
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        ("Dates", {"fields": (("last_login", "date_joined"),)}),
    )
    add_fieldsets = ((None, {"fields": ("email",)}),)
    has_send_link_permission = right("compliance.change_user")

    @admin.display(description="Name")
    def full_name(self, user: User) -> str:
        """First and last name."""
        return user.get_full_name() or "-"

    @admin.display(description="Last login", ordering="last_login")
    def seen(self, user: User) -> SafeString:
        """When they last logged in."""
        return moments.utc(user.last_login)

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """Only a superuser grants permissions, or changes the address of an account.

        Password links go to the address.
        """
        kept = tuple(super().get_readonly_fields(request, obj))
        if request.user.is_superuser:
            return kept
        address = () if obj is None else ("email",)
        return (*kept, *address, "is_staff", "is_superuser", "groups", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """A superuser is changed, or sent a password link, by superusers alone."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Nobody: deactivate instead."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Store the user. Mail a new one a password link, and the former address of a changed one
        that it was changed."""
        super().save_model(request, obj, form, change)
        if not change:
            self._mail(request, lambda: passwords.send_link(user=obj))
        elif "email" in form.changed_data:
            former, by = form.initial["email"], request.user.get_username()
            self._mail(
                request,
                lambda: send_address_change(to=former, new_address=obj.email, changed_by=by),
            )

    def _mail(self, request: HttpRequest, send: Callable[[], None]) -> None:
        """Send a mail once the change is stored; a failure is shown and undoes nothing."""

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
        """Lead users to the page where they change their own password, and nobody else.

        Raises:
            PermissionDenied: it is not their own.
        """
        if id != str(request.user.pk):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:password_change"))

    @button(
        description="Send a password link",
        url_path="send-password-link",
        icon="lock_reset",
        permissions=["send_link"],
    )
    def send_password_link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then mail the user a link with which they choose a new password."""
        user = self.get_object(request, unquote(object_id))
        if user is None:
            raise Http404
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        question = Question(
            title=f"Send {user} a password link",
            lines=(
                f"{user} receives a mail with a link that works once. Only they see it and choose "
                "the password. Until then their present password keeps working.",
            ),
            submit="Send the link",
        )

        def act() -> str:
            passwords.send_link(user=user)
            self.log_change(request, user, "Sent a password link.")
            return f"A password link was sent to {user}."

        return confirm(
            request,
            question,
            act=act,
            back=reverse("admin:compliance_user_change", args=[user.pk]),
            context={
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "original": user,
            },
        )


@admin.register(Group)
class GroupAdmin(auth_admin.GroupAdmin, ModelAdmin):
    """Sets of rights."""

    compressed_fields = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers: a group is rights."""
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Superusers: a group is rights."""
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Superusers: a group is rights."""
        return bool(request.user.is_superuser)


class TokenForm(forms.Form):
    """A new token."""

    name = fields.line(required=True, help_text="What it is for, such as dashboard.")
    user = forms.ModelChoiceField(
        queryset=User.objects.none(),
        to_field_name="email",
        widget=Choice(),
        help_text="It acts with the rights of this user.",
    )
    is_read_only = forms.BooleanField(
        label="May only read", required=False, initial=True, widget=Checkbox()
    )

    def __init__(self, *args: Any, users: QuerySet[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        user = self.fields["user"]
        assert isinstance(user, forms.ModelChoiceField)
        user.queryset = users


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Made and revoked here; the token itself is shown once, when it is made."""

    list_display = ("name", "user", "is_read_only", "made")
    list_filter = ("is_read_only",)
    list_select_related = ("user",)
    search_fields = ("name", "user__email")
    ordering = ("-created",)
    fields = ("name", "user", "is_read_only", "made")
    has_revoke_permission = right("compliance.delete_apitoken")
    actions_detail = ("revoke",)

    @admin.display(description="Made", ordering="created")
    def made(self, token: ApiToken) -> SafeString:
        """When it was made."""
        return moments.utc(token.created)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """A superuser sees all, everybody else their own."""
        found: QuerySet[Any] = super().get_queryset(request)
        own = found.filter(user__email=request.user.get_username())
        return found if request.user.is_superuser else own

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who has the right."""
        return bool(request.user.has_perm("compliance.add_apitoken"))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Make a token, and show it on the page that answers: nowhere else, never again."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        # A token has the rights of its user: one for somebody else would be a way to theirs.
        users = User.objects.filter(is_active=True).order_by("email")
        if not request.user.is_superuser:
            users = users.filter(email=request.user.get_username())
        initial = {"user": request.user.get_username()}
        form = TokenForm(request.POST or None, users=users, initial=initial)
        back = reverse("admin:compliance_apitoken_changelist")
        context = {**self.admin_site.each_context(request), "opts": self.opts, "back": back}
        title = "Make an API token"
        if request.method == "POST" and form.is_valid():
            try:
                token = tokens.create_token(**form.cleaned_data)
            except Invalid as error:
                place(form, error.problems)
            else:
                secret = Secret(
                    name=form.cleaned_data["name"],
                    value=token,
                    advice="Copy the token now. It is not stored, and will not be shown again.",
                    use="Send it as Authorization: Bearer …",
                )
                return show_once(request, secret, title=title, back=back, context=context)
        context |= {"title": title, "subtitle": None, "form": form, "submit": "Make the token"}
        return TemplateResponse(request, "admin/pacta/make.html", context)

    @button(
        description="Revoke",
        url_path="revoke",
        icon="key_off",
        permissions=["revoke"],
    )
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then make the token useless."""
        token = self.get_object(request, unquote(object_id))
        if token is None:
            raise Http404
        question = Question(
            title=f"Revoke the token {token.name}",
            lines=(
                f"Whatever uses the token {token.name} of {token.user} will be refused from now "
                "on. This cannot be undone.",
            ),
            submit="Revoke the token",
            is_grave=True,
        )

        def act() -> str:
            tokens.revoke_token(token=token)
            return f"The token {token.name} is revoked."

        return confirm(
            request,
            question,
            act=act,
            back=reverse("admin:compliance_apitoken_changelist"),
            context={
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "original": token,
            },
        )
