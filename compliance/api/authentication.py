"""Authentication by `Authorization: Bearer <token>` or by the session of the admin."""

from __future__ import annotations

import re
from copy import copy
from hmac import compare_digest

from django.utils import timezone
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from knox.settings import CONSTANTS
from rest_framework.authentication import SessionAuthentication as BaseSessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from compliance.models import ApiToken, User

_TOKEN = re.compile(rb"[A-Za-z0-9]{16,256}")
_REFUSAL = "This token is mistyped, revoked or expired."


class BearerAuthentication(TokenAuthentication):  # type: ignore[misc]
    """Authenticates by Knox tokens, which are looked up with one query."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        """Return the user of a token, and the token.

        Raises:
            AuthenticationFailed: the token does not exist or is no longer valid.
        """
        if not _TOKEN.fullmatch(token):
            raise AuthenticationFailed(_REFUSAL)
        text = token.decode("ascii")
        digest = hash_token(text)
        candidates = ApiToken.objects.select_related("user").filter(
            token_key=text[: CONSTANTS.TOKEN_KEY_LENGTH]
        )
        for each in candidates:
            if compare_digest(digest, each.digest):
                has_expired = each.expiry is not None and each.expiry < timezone.now()
                if has_expired or not each.user.is_active:
                    break
                return each.user, each
        raise AuthenticationFailed(_REFUSAL)


class SessionAuthentication(BaseSessionAuthentication):
    """Authenticates by the admin session. Writing requires its CSRF token as `X-CSRFToken`."""

    def enforce_csrf(self, request: Request) -> None:
        """Check the CSRF token without reading the body.

        For POST, Django looks for the token in the form, and would therefore parse the body before
        the permissions of the user are checked. It does not do so for other methods.

        Raises:
            PermissionDenied: the token is missing or wrong.
        """
        bodiless = copy(request._request)
        if bodiless.method == "POST":
            bodiless.method = "PUT"
        super().enforce_csrf(bodiless)  # type: ignore[arg-type]  # passes it to Django's middleware
