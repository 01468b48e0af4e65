"""Teams of users."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.lists import list_response
from compliance.api.openapi import changes_of
from compliance.api.openapi_lists import list_schema
from compliance.api.views import (
    Views,
    created_response,
    read_body,
    read_filter,
    reject_query_parameters,
    row_response,
    updated_draft,
    user_of,
)
from compliance.domain.people.drafts import TeamChangesDraft, TeamDraft
from compliance.models import Membership, Team, User
from compliance.operations.people import teams as operations
from compliance.queries.people import users as queries


class TeamRow(serializers.Serializer[Team]):
    """Users who see the same agreements."""

    id = serializers.IntegerField()
    slug = serializers.CharField()
    name = serializers.CharField()
    members = serializers.ListField(child=serializers.CharField(), help_text="Their addresses.")


class TeamViews(Views):
    """Teams. Only administrators see and change them, because they name users."""

    permission_models = (Team, Membership, User)
    is_secret = True

    @extend_schema(**list_schema(queries.TeamListing, TeamRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List teams in order of creation."""
        listing = read_filter(request, queries.TeamListing)
        return list_response(request, listing, queries.teams, row=TeamRow)

    @extend_schema(request=TeamDraft, responses={201: TeamRow})
    def create(self, request: Request) -> Response:
        """Create a team."""
        team = operations.create(draft=read_body(request, TeamDraft), by=user_of(request))
        return created_response(request, queries.team(team.slug), "slug")

    @extend_schema(responses=TeamRow)
    def retrieve(self, request: Request, slug: str) -> Response:
        """Show one team."""
        reject_query_parameters(request)
        return row_response(queries.team(slug))

    @extend_schema(request=changes_of(TeamChangesDraft), responses=TeamRow)
    def partial_update(self, request: Request, slug: str) -> Response:
        """Change the name of a team, or replace its members."""
        draft = updated_draft(request, TeamChangesDraft, queries.team(slug))
        team = get_object_or_404(Team, slug=slug)
        operations.update(team=team, draft=draft, by=user_of(request))
        return row_response(queries.team(slug))
