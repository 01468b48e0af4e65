"""Authentication by `Authorization: Bearer <token>` or by the session of the admin."""

from __future__ import annotations

from copy import copy

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.authentication import SessionAuthentication as BaseSessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from compliance.domain.networks import address, is_in_any
from compliance.domain.people.token_format import is_token
from compliance.models import ApiToken, User
from compliance.operations.people.tokens import note_use
from compliance.queries.people import second_factors
from compliance.queries.people.tokens import token_with_key
from config.client_addresses import client_address

_SCHEME = "bearer"
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
        token = bearer_token(request._request)
        return None if token is None else (token.user, token)

    def authenticate_header(self, request: Request) -> str:
        """Return the scheme for the header `WWW-Authenticate`."""
        return "Bearer"


def bearer_token(request: HttpRequest) -> ApiToken | None:
    """Return the token of a request, or None if it has none. It is looked up once per request.

    Raises:
        AuthenticationFailed: the token is not valid, or may not be used from this address.
    """
    header = request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _, key = header.partition(" ")
    if scheme.lower() != _SCHEME:
        return None
    found: ApiToken | AuthenticationFailed | None = getattr(request, "bearer", None)
    if found is None:
        try:
            found = _valid_token(request, key.strip())
        except AuthenticationFailed as refusal:
            found = refusal
        # The middleware looks it up first, and the view finds it here.
        vars(request)["bearer"] = found
    if isinstance(found, AuthenticationFailed):
        raise found
    return found


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
