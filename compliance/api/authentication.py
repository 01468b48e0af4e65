"""Authentication by `Authorization: Bearer <token>` or by the session of the admin.

Spreadsheets cannot send bearer tokens. To read exports, and for nothing else, the token may be the
password of HTTP Basic (RFC 7617), with any user name.
"""

from __future__ import annotations

import base64
from copy import copy
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.authentication import SessionAuthentication as BaseSessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from compliance.api.renderers import EXPORT_TYPES
from compliance.domain.networks import address, is_in_any
from compliance.domain.people.token_format import is_token
from compliance.models import ApiToken, User
from compliance.operations.people.tokens import note_use
from compliance.queries.people import second_factors
from compliance.queries.people.tokens import token_with_key
from config.client_addresses import client_address

_SCHEME = "bearer"
_EXPORT_SCHEME = "basic"
_CHALLENGE_OF_EXPORTS = 'Bearer, Basic realm="Pacta exports", charset="UTF-8"'
_MISTYPED = "This is not an API token: copy all of it, from pacta_ to its last character."
_NO_CSRF_TOKEN = (
    "To write with a session, send the value of the CSRF cookie in the header X-CSRFToken. With an "
    "API token, no cookie is needed."
)
_REFUSAL = "This token is revoked or expired, or does not exist."


class BearerAuthentication(BaseAuthentication):
    """Authenticates by API tokens."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Return the user of the token in the header, and the token.

        Raises:
            AuthenticationFailed: the token is not valid, or may not be used from this address.
        """
        if _scheme_and_key(request._request)[0] == _EXPORT_SCHEME and not _returns_export(request):
            return None
        token = bearer_token(request._request)
        return None if token is None else (token.user, token)

    def authenticate_header(self, request: Request) -> str:
        """Return the schemes for the header `WWW-Authenticate`."""
        # A browser would ask people for a name and a password, and they would give theirs.
        is_browser = "text/html" in request.headers.get("Accept", "")
        return _CHALLENGE_OF_EXPORTS if _returns_export(request) and not is_browser else "Bearer"


def bearer_token(request: HttpRequest) -> ApiToken | None:
    """Return the token of a request, or None if it has none. It is looked up once per request.

    Raises:
        AuthenticationFailed: the token is not valid, or may not be used from this address.
    """
    scheme, key = _scheme_and_key(request)
    if scheme == _EXPORT_SCHEME and asks_for_export(request):
        key = _password(key)
    elif scheme != _SCHEME:
        return None
    found: ApiToken | AuthenticationFailed | None = getattr(request, "bearer", None)
    if found is None:
        try:
            found = _valid_token(request, key)
        except AuthenticationFailed as refusal:
            found = refusal
        # The middleware looks it up first, and the view finds it here.
        vars(request)["bearer"] = found
    if isinstance(found, AuthenticationFailed):
        raise found
    return found


def asks_for_export(request: HttpRequest) -> bool:
    """Return whether a request only reads, in a format of exports."""
    if request.method not in {"GET", "HEAD"}:
        return False
    wanted = request.GET.get("format")
    if wanted is not None:
        return wanted in EXPORT_TYPES
    accepted = request.headers.get("Accept", "")
    return any(media_type in accepted for media_type in EXPORT_TYPES.values())


def _returns_export(request: Request) -> bool:
    """Return whether the response to a request is an export, if it succeeds."""
    context: dict[str, Any] = request.parser_context or {}
    view, renderer = context.get("view"), getattr(request, "accepted_renderer", None)
    if view is None or getattr(view, "action", None) not in getattr(view, "exported", ()):
        return False
    is_named = "format" in request.query_params
    return asks_for_export(request._request) and (
        is_named or getattr(renderer, "format", None) in EXPORT_TYPES
    )


def _scheme_and_key(request: HttpRequest) -> tuple[str, str]:
    scheme, _, key = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return scheme.lower(), key.strip()


def _password(credentials: str) -> str:
    """Return the password of HTTP Basic; without one, an empty text."""
    try:
        text = base64.b64decode(credentials, validate=True).decode()
    except ValueError:
        return ""
    return text.partition(":")[2]


def _valid_token(request: HttpRequest, key: str) -> ApiToken:
    if not is_token(key):
        # No query: most of what is not a token is found out by its checksum.
        raise AuthenticationFailed(_MISTYPED)
    now = timezone.now()
    token = token_with_key(key, as_of=now)
    if token is None:
        raise AuthenticationFailed(_REFUSAL)
    if token.networks is not None:
        client = address(client_address(request))
        if client is None or not is_in_any(client, token.networks):
            sentence = f"This token cannot be used from your address, {client}."
            raise AuthenticationFailed(sentence)
    note_use(token=token, as_of=now)
    return token


class SessionAuthentication(BaseSessionAuthentication):
    """Authenticates by the admin session. Writing requires its CSRF token as `X-CSRFToken`."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return the user of the session, or None.

        Raises:
            PermissionDenied: the user must set up a second factor first.
        """
        found = super().authenticate(request)
        if found is not None and second_factors.is_missing(found[0]):
            sentence = "Your account needs a second factor. Set one up at /account/2fa/ first."
            raise PermissionDenied(sentence)
        return found

    def enforce_csrf(self, request: Request) -> None:
        """Check the CSRF token without reading the body.

        For POST, Django looks for the token in the form, and would therefore parse the body before
        the permissions of the user are checked. It does not do so for other methods.

        Raises:
            PermissionDenied: the token is missing or wrong.
        """
        try:
            self._enforce_csrf_without_body(request)
        except PermissionDenied:
            raise PermissionDenied(_NO_CSRF_TOKEN) from None

    def _enforce_csrf_without_body(self, request: Request) -> None:
        bodiless = copy(request._request)
        if bodiless.method == "POST":
            bodiless.method = "PUT"
        super().enforce_csrf(bodiless)  # type: ignore[arg-type]  # passes it to Django's middleware
