"""People who use Pacta, their groups, and the API tokens that act for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from compliance.admin import fields, instants, urls
from compliance.admin.confirmations import Confirmation, OneTimeSecret, confirm, show_secret
from compliance.admin.operation_forms import add_problems
from compliance.admin.permissions import requires_perms
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.theme import CheckboxInput, ModelAdmin, Select, button
from compliance.domain.problems import Invalid
from compliance.models import ApiToken, User
from compliance.operations.people import tokens

if TYPE_CHECKING:
    from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm
    from django.contrib.auth.forms import UserChangeForm as BaseChangeForm

    BaseUserAdmin = auth_admin.UserAdmin[User]
    BaseCreationForm = AdminUserCreationForm[User]
    UserChangeForm = BaseChangeForm[User]
else:
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm
    from unfold.forms import UserCreationForm as BaseCreationForm

    BaseUserAdmin = auth_admin.UserAdmin

admin.site.unregister(Group)


class UserCreationForm(BaseCreationForm):
    """A new person, by mail address and password."""

    class Meta:
        model = User
        fields = ("email",)
        field_classes: dict[str, type[forms.Field]] = {}

    def clean_email(self) -> str:
        """Refuse an address that differs from a known one only by case."""
        email = str(self.cleaned_data["email"])
        if User.objects.filter(email__iexact=email).exists():
            sentence = f"There is already a user {email}."
            raise forms.ValidationError(sentence)
        return email


@admin.register(User)
class UserAdmin(BaseUserAdmin, ModelAdmin):
    """People and their rights. Nobody is deleted: what they recorded names them."""

    form = UserChangeForm
    compressed_fields = False
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "full_name", "is_active", "is_staff", "is_superuser", "seen")
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("email",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password", ("first_name", "last_name"))}),
        (
            "Rights",
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        ("Dates", {"fields": (("last_login", "date_joined"),)}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)

    @admin.display(description="Name")
    def full_name(self, user: User) -> str:
        """First and last name."""
        return user.get_full_name() or "-"

    @admin.display(description="Last login", ordering="last_login")
    def seen(self, user: User) -> SafeString:
        """When they last logged in."""
        return instants.utc_html(user.last_login)

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """Only a superuser hands out rights; who may merely edit people may not raise them."""
        kept = tuple(super().get_readonly_fields(request, obj))
        if request.user.is_superuser:
            return kept
        return (*kept, "is_staff", "is_superuser", "groups", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """A superuser is changed, or given another password, by superusers alone."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Nobody: deactivate instead."""
        return False


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

    name = fields.text_field(required=True, help_text="What it is for, such as dashboard.")
    user = forms.ModelChoiceField(
        queryset=User.objects.none(),
        to_field_name="email",
        widget=Select(),
        help_text="It acts with the rights of this user.",
    )
    is_read_only = forms.BooleanField(
        label="May only read", required=False, initial=True, widget=CheckboxInput()
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
    has_revoke_permission = requires_perms("compliance.delete_apitoken")
    actions_detail = ("revoke",)

    @admin.display(description="Made", ordering="created")
    def made(self, token: ApiToken) -> SafeString:
        """When it was made."""
        return instants.utc_html(token.created)

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
        back = urls.list_url("apitoken")
        context = {**self.admin_site.each_context(request), "opts": self.opts, "back": back}
        title = "Make an API token"
        if request.method == "POST" and form.is_valid():
            try:
                token = tokens.create_token(**form.cleaned_data)
            except Invalid as error:
                add_problems(form, error.problems)
            else:
                secret = OneTimeSecret(
                    name=form.cleaned_data["name"],
                    value=token,
                    advice="Copy the token now. It is not stored, and will not be shown again.",
                    usage="Send it as Authorization: Bearer …",
                )
                return show_secret(request, secret, title=title, back=back, context=context)
        context |= {"title": title, "subtitle": None, "form": form, "submit": "Make the token"}
        return TemplateResponse(request, "admin/pacta/create.html", context)

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
        question = Confirmation(
            title=f"Revoke the token {token.name}",
            lines=(
                f"Whatever uses the token {token.name} of {token.user} will be refused from now "
                "on. This cannot be undone.",
            ),
            submit="Revoke the token",
            is_destructive=True,
        )

        def act() -> str:
            tokens.revoke_token(token=token)
            return f"The token {token.name} is revoked."

        return confirm(
            request,
            question,
            action=act,
            back=urls.list_url("apitoken"),
            context={
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "original": token,
            },
        )
