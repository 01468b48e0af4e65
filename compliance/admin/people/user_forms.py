"""The forms for a new user and for an existing one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from compliance.admin.theme import ModelForm
from compliance.domain.email_addresses import email_address
from compliance.models import User

if TYPE_CHECKING:
    from django.contrib.auth.forms import UserChangeForm

    BaseUserForm = UserChangeForm[User]
else:
    from django.contrib.auth.forms import UserChangeForm as BaseUserForm


class UserCreationForm(ModelForm):
    """The email address of a new user, who receives a link to choose a password."""

    class Meta:
        model = User
        fields = ("email", "is_service_account")
        help_texts = {
            "email": (
                "If it belongs to a person, Pacta sends a link for choosing a password to this "
                "address."
            ),
        }

    def clean_email(self) -> str:
        """Reject an address that is too long or differs from another user's only by case."""
        try:
            email = email_address(str(self.cleaned_data["email"]))
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from None
        if User.objects.filter(email__iexact=email).exists():
            sentence = f"User {email} already exists."
            raise forms.ValidationError(sentence)
        return email

    def save(self, commit: bool = True) -> Any:
        """Create the user without a password, so that nobody can sign in as this user yet."""
        self.instance.set_unusable_password()
        return super().save(commit)


_TEXTS = {
    "is_active": ("Active", "An inactive account cannot do anything."),
    "is_staff": ("May enter the admin", "Anyone who has a role may do so anyway."),
    "is_superuser": ("May do everything", "Includes every permission."),
    "groups": ("Roles and groups", "Each grants its own permissions."),
    "user_permissions": ("Further permissions", "In addition to those of the roles and groups."),
}


class UserForm(BaseUserForm):
    """The fields of a user, except the password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("password", None)
        for name, (label, help_text) in _TEXTS.items():
            if name in self.fields:
                self.fields[name].label = label
                self.fields[name].help_text = help_text

    def clean(self) -> Any:
        """Reject access to the admin for a service account, which cannot sign in."""
        values = super().clean()
        if self.instance.is_service_account and self.cleaned_data.get("is_staff"):
            self.add_error("is_staff", "A service account cannot sign in.")
        return values
