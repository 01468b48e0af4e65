"""The forms for a new API token and for its rotation."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from compliance.admin import fields
from compliance.admin.operation_forms import without_empty
from compliance.admin.theme import CheckboxInput, Select, TextInput
from compliance.domain import civil_time
from compliance.domain.drafts import read
from compliance.domain.people.drafts import RotationDraft, TokenDraft
from compliance.domain.problems import refusal
from compliance.models import Team, User


class TokenForm(forms.Form):
    """The fields of a new token."""

    name = fields.text_field(required=True, help_text="Where it is used, such as dashboard.")
    user = forms.ModelChoiceField(
        queryset=User.objects.none(),
        to_field_name="email",
        widget=Select(),
        help_text="The token has at most the rights of this user.",
    )
    is_read_only = forms.BooleanField(
        label="Read-only", required=False, initial=True, widget=CheckboxInput()
    )
    expires_on = forms.DateField(
        label="Last day",
        required=False,
        widget=fields.DateTextField().widget,
        help_text="It expires at the end of this day (UTC). Leave empty for no end.",
    )
    networks = fields.CommaSeparatedField(
        help_text="Networks from which it may be used, such as 192.0.2.0/24, separated by commas. "
        "Leave empty for no restriction."
    )
    teams = fields.TeamsField(
        help_text="The token then sees only agreements that are reserved for one of these teams. "
        "Leave all unchecked for no restriction."
    )
    agreements = fields.CommaSeparatedField(
        help_text="Refs of agreements, such as geneva-2025, separated by commas. The token then "
        "sees only these. Leave empty for no restriction."
    )
    aliases = {"expires_at": "expires_on"}

    def __init__(
        self, *args: Any, users: QuerySet[User], teams: QuerySet[Team], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        offered = self.fields["teams"]
        assert isinstance(offered, fields.TeamsField)
        offered.offer_teams(teams)
        user = self.fields["user"]
        assert isinstance(user, forms.ModelChoiceField)
        user.queryset = users

    def draft(self) -> TokenDraft:
        """Return the draft of the token.

        Raises:
            Invalid: a value is not valid.
        """
        values = without_empty(self.cleaned_data)
        values["user"] = self.cleaned_data["user"].email
        on = values.pop("expires_on", None)
        if on is not None:
            try:
                values["expires_at"] = civil_time.day_end(on, "UTC")
            except ValueError as error:
                raise refusal("expires_at", str(error)) from None
        return read(TokenDraft, values)


class RotationForm(forms.Form):
    """How long the previous key works."""

    overlap_hours = forms.IntegerField(
        label="Overlap in hours",
        initial=24,
        min_value=0,
        max_value=30 * 24,
        widget=TextInput(attrs={"type": "number"}),
        help_text="How long the previous key keeps working. With 0, it ends immediately.",
    )
    aliases = {"overlap_minutes": "overlap_hours"}

    def draft(self) -> RotationDraft:
        """Return the draft of the rotation."""
        return read(RotationDraft, {"overlap_minutes": 60 * self.cleaned_data["overlap_hours"]})
