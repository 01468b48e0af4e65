"""API tokens."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from http import HTTPStatus

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.lists import list_response
from compliance.api.openapi_lists import list_schema
from compliance.api.views import (
    Views,
    created_response,
    read_body,
    read_filter,
    reject_query_parameters,
    row_response,
    user_of,
)
from compliance.domain.people.drafts import RotationDraft, TokenDraft
from compliance.domain.vocabulary import TokenState
from compliance.models import ApiToken
from compliance.operations.people import tokens as operations
from compliance.queries.people import tokens as queries


class TokenRow(serializers.Serializer[ApiToken]):
    """An API token. Its key is shown only when it is created or rotated."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    user = serializers.CharField(help_text="It has at most the rights of this user.")
    state = serializers.ChoiceField(choices=list(TokenState))
    is_read_only = serializers.BooleanField()
    networks = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="Null: from everywhere."
    )
    teams = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="Only agreements reserved for these teams exist for it. Null: not restricted.",
    )
    agreements = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="Only these agreements exist for it. Null: not restricted.",
    )
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="Precise to a minute.")
    rotated_at = serializers.DateTimeField(allow_null=True)
    former_until = serializers.DateTimeField(
        allow_null=True, help_text="Until when the key before the last rotation works."
    )
    revoked_at = serializers.DateTimeField(allow_null=True)


class NewTokenRow(TokenRow):
    """A token with its new key."""

    token = serializers.CharField(
        help_text="The key: pacta_ and 36 characters. It is not shown again."
    )


class TokenViews(Views):
    """Your API tokens. Administrators see those of all users."""

    permission_models = (ApiToken,)
    is_secret = True

    @extend_schema(**list_schema(queries.TokenListing, TokenRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List tokens in order of creation, with those that were revoked or have expired."""
        listing = read_filter(request, queries.TokenListing)
        read = partial(queries.tokens, reader=user_of(request), as_of=timezone.now())
        return list_response(request, listing, read, row=TokenRow)

    @extend_schema(request=TokenDraft, responses={201: NewTokenRow})
    def create(self, request: Request) -> Response:
        """Create a token. Only this response contains its key."""
        now, user = timezone.now(), user_of(request)
        token, key = operations.create(
            draft=read_body(request, TokenDraft),
            by=user,
            creator=_current_key(request),
            as_of=now,
        )
        row = queries.token(token.pk, reader=user, as_of=now)
        return _never_stored(created_response(request, row, "id", token=key))

    @extend_schema(responses=TokenRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one token."""
        reject_query_parameters(request)
        return row_response(queries.token(id, reader=user_of(request), as_of=timezone.now()))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: int) -> Response:
        """Revoke a token. It stays in the list."""
        reject_query_parameters(request)
        _current_key(request)
        operations.revoke(token=_visible_token(request, id), as_of=timezone.now())
        return Response(status=HTTPStatus.NO_CONTENT)

    @extend_schema(request=RotationDraft, responses=NewTokenRow)
    def rotate(self, request: Request, id: int) -> Response:
        """Replace the key of a token. Only this response contains the new key.

        The previous key works until the end of the overlap, by default for a day.
        """
        now, user = timezone.now(), user_of(request)
        draft = read_body(request, RotationDraft)
        token, used = _visible_token(request, id), _current_key(request)
        if not operations.may_manage(token.user, by=user):
            sentence = "Only its user can rotate this token. You can revoke it."
            raise PermissionDenied(sentence)
        if used is not None and not used.limits.covers(token.limits):
            sentence = f"Token {token.name} can do more than the token that you use."
            raise PermissionDenied(sentence)
        overlap = timedelta(minutes=draft.overlap_minutes)
        key = operations.rotate(token=token, overlap=overlap, as_of=now)
        row = queries.token(id, reader=user, as_of=now) or {}
        return _never_stored(row_response({**row, "token": key}))


def _visible_token(request: Request, token_id: int) -> ApiToken:
    reader = user_of(request)
    tokens = ApiToken.objects.select_related("user")
    if not queries.sees_all_tokens(reader):
        tokens = tokens.filter(user=reader)
    token = tokens.filter(pk=token_id).first()
    if token is None:
        raise NotFound("This does not exist.")
    return token


def _current_key(request: Request) -> ApiToken | None:
    """Return the token of the request, if any.

    Raises:
        PermissionDenied: the request was made with the key before its last rotation. If that key
            is known to others, they must lose access when it ends.
    """
    token = request.auth if isinstance(request.auth, ApiToken) else None
    if token is not None and token.is_former_key:
        sentence = "This key was replaced by a rotation: use the new key to manage tokens."
        raise PermissionDenied(sentence)
    return token


def _never_stored(response: Response) -> Response:
    response["Cache-Control"] = "no-store"
    return response
