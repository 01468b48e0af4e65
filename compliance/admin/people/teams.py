"""Teams and their members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest

from compliance.admin import badges, fields, urls
from compliance.admin.history import HistoryAdmin
from compliance.admin.operation_forms import DraftForm, OperationAdmin
from compliance.admin.searching import folded
from compliance.admin.theme import AutocompleteSelectMultiple
from compliance.domain.drafts import read
from compliance.domain.people.drafts import TeamChangesDraft, TeamDraft
from compliance.models import Membership, Team, User
from compliance.operations.people import teams

_MODELS = (Team, Membership, User)


class TeamForm(DraftForm):
    """The fields of a team."""

    slug = fields.text_field(
        required=True,
        help_text="A short name for the API, such as asia. It cannot be changed later.",
    )
    name = fields.text_field(required=True)
    members = forms.ModelMultipleChoiceField(
        queryset=User.objects.order_by("email"),
        required=False,
        widget=AutocompleteSelectMultiple(Team._meta.get_field("members"), admin.site),
        help_text="They see the agreements that are reserved for the team.",
    )

    class Meta:
        model = Team
        fields = ("slug", "name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["members"] = list(self.instance.members.values_list("pk", flat=True))


@admin.register(Team)
class TeamAdmin(OperationAdmin, HistoryAdmin):
    """Adds and changes teams. Only administrators see them, because they name users."""

    form = TeamForm
    compressed_fields = False
    list_display = ("name", "slug", "member_total", "agreement_total")
    search_fields = folded("slug", "name", "members__email")
    ordering = ("slug",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the teams with the numbers of their members and agreements."""
        found: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = found.annotate(
            member_count=Count("memberships", distinct=True),
            agreement_count=Count("agreement_links", distinct=True),
        )
        return counted

    @admin.display(description="Members", ordering="member_count")
    def member_total(self, team: Any) -> str:
        """Return the number of members, with a link to them."""
        url = urls.list_url("user", team_memberships__team__id__exact=team.pk)
        return badges.linked(team.member_count, url)

    @admin.display(description="Agreements", ordering="agreement_count")
    def agreement_total(self, team: Any) -> str:
        """Return the number of agreements that are reserved for the team."""
        return str(team.agreement_count)

    def get_fieldsets(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """Return the fields. Django's check would refuse `members`, which it cannot save itself."""
        return ((None, {"fields": (("slug", "name"), "members")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """Make the slug of an existing team read-only, because requests use it."""
        return ("slug",) if obj else ()

    def has_view_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return whether the user may view teams, memberships and users."""
        return _may(request, "view") or _may(request, "change")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may add teams, memberships and users."""
        return _may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return whether the user may change teams, memberships and users."""
        return _may(request, "change")

    def save_draft(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], existing: Model | None
    ) -> Model:
        """Create the team, or change its name and its members."""
        assert isinstance(request.user, User)
        members = [each.email for each in form.cleaned_data["members"]]
        values, by = {**form.cleaned_data, "members": members}, request.user
        if isinstance(existing, Team):
            return teams.update(team=existing, draft=read(TeamChangesDraft, values), by=by)
        return teams.create(draft=read(TeamDraft, values), by=by)


def _may(request: HttpRequest, verb: str) -> bool:
    user: Any = request.user
    return all(user.has_perm(f"compliance.{verb}_{each._meta.model_name}") for each in _MODELS)
