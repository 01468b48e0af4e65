"""Users, and the user of the request."""

from __future__ import annotations

from typing import Any

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
from compliance.domain.people.drafts import UserChangesDraft, UserDraft
from compliance.domain.problems import Invalid
from compliance.domain.vocabulary import Role
from compliance.models import User
from compliance.operations.people import passwords
from compliance.operations.people import users as operations
from compliance.queries.people import users as queries


class UserRow(serializers.Serializer[User]):
    """A person or service account."""

    id = serializers.IntegerField()
    email = serializers.CharField()
    name = serializers.CharField()
    roles = serializers.ListField(child=serializers.ChoiceField(choices=list(Role)))
    teams = serializers.ListField(child=serializers.CharField())
    is_active = serializers.BooleanField()
    is_service_account = serializers.BooleanField(help_text="It cannot sign in.")
    is_superuser = serializers.BooleanField(help_text="It has all rights, whatever its roles.")
    created_at = serializers.DateTimeField()
    last_signed_in_at = serializers.DateTimeField(allow_null=True)


class InvitationWarning(serializers.Serializer[User]):
    """Why the invitation was not sent."""

    path = serializers.CharField()
    detail = serializers.CharField()


class InvitedUserRow(UserRow):
    """A new user. If the invitation could not be sent, a warning says why."""

    warnings = InvitationWarning(many=True)


class UserViews(Views):
    """Users. Only administrators see and change them."""

    permission_models = (User,)
    is_secret = True

    @extend_schema(**list_schema(queries.UserListing, UserRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List users in order of creation."""
        listing = read_filter(request, queries.UserListing)
        return list_response(request, listing, queries.users, row=UserRow)

    @extend_schema(request=UserDraft, responses={201: InvitedUserRow})
    def create(self, request: Request) -> Response:
        """Create a user. A person receives an email with a link to choose a password."""
        user = operations.create(draft=read_body(request, UserDraft), by=user_of(request))
        warnings = [] if user.is_service_account else _invite(user)
        return created_response(request, queries.user(user.pk), "id", warnings=warnings)

    @extend_schema(responses=UserRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one user."""
        reject_query_parameters(request)
        return row_response(queries.user(id))

    @extend_schema(request=changes_of(UserChangesDraft), responses=UserRow)
    def partial_update(self, request: Request, id: int) -> Response:
        """Change the name, roles or teams of a user, or deactivate or reactivate the account."""
        draft = updated_draft(request, UserChangesDraft, queries.user(id))
        user = get_object_or_404(User, pk=id)
        operations.update(user=user, draft=draft, by=user_of(request))
        return row_response(queries.user(id))


class InvitationViews(Views):
    """Invitations: emails with a link to choose a password."""

    permission_models = (User,)
    post_verb = "change"

    @extend_schema(request=None, responses={200: UserRow})
    def create(self, request: Request, id: int) -> Response:
        """Send a user another link to choose a password."""
        reject_query_parameters(request)
        user = get_object_or_404(User, pk=id)
        operations.invite(user=user, by=user_of(request))
        return row_response(queries.user(id))


class OwnUserViews(Views):
    """The user of the request."""

    permission_models = ()
    is_secret = True

    @extend_schema(operation_id="users_me_retrieve", responses=UserRow)
    def retrieve(self, request: Request) -> Response:
        """Show your own account, with your roles and teams."""
        reject_query_parameters(request)
        return row_response(queries.user(user_of(request).pk))


def _invite(user: User) -> list[dict[str, Any]]:
    """Mail a new user a link. The user exists already, and can be invited again."""
    try:
        passwords.send_link(user=user)
    except Invalid as error:
        return [problem.shown() for problem in error.problems]
    return []
