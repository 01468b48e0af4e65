"""Sign-in with OpenID Connect: what allauth does, with answers of the provider that were checked.

allauth takes what it needs from an answer, and fails in many ways on one that lacks it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import structlog
from allauth.socialaccount.app_settings import UID_MAX_LENGTH
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse

from compliance.web.accounts.outages import UnusableAnswer, is_outage

log = structlog.get_logger(__name__)

_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
_METHODS = "token_endpoint_auth_methods_supported"
# Pacta reads these claims as texts. Others may be anything.
_TEXTS = ("email", "given_name", "family_name", "name", "preferred_username")
# What reading an answer of another form raises.
_MISREADINGS = (
    ArithmeticError, AttributeError, ImproperlyConfigured, LookupError, TypeError, ValueError,
)  # fmt: skip


class ProviderAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # untyped base of allauth
    """Talks to the provider.

    Raises:
        UnusableAnswer: the provider is not one, or not in order: nobody can be signed in.
        OAuth2Error: what it says about this person cannot be used.
    """

    @property
    def openid_config(self) -> dict[str, Any]:
        """Return what the provider says about itself (OpenID Connect Discovery 1.0, section 3)."""
        with _reading("the configuration"):
            config: dict[str, Any] = super().openid_config
            _check_configuration(config)
            _check_issuer(config["issuer"], self.get_provider().app.settings["server_url"])
        return config

    def get_access_token_data(self, *args: Any, **options: Any) -> dict[str, Any]:
        """Return the tokens for the code with which the browser came back."""
        with _reading("the tokens"):
            found: dict[str, Any] = super().get_access_token_data(*args, **options)
            if not isinstance(found["access_token"], str):
                raise TypeError("access_token is not a text")
            self.parse_token(found)
        return found

    def complete_login(self, *args: Any, **options: Any) -> Any:
        """Return the person whom the provider has signed in."""
        try:
            login = super().complete_login(*args, **options)
            _check_claims(login.account.extra_data)
        except _MISREADINGS as error:
            if is_outage(error):
                raise
            log.warning("claims of the identity provider not read", error=repr(error))
            raise OAuth2Error("the claims cannot be read") from error
        return login


def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Sign in the person with whom the provider sends the browser back."""
    adapter = ProviderAdapter(request, provider_id)
    try:
        response: HttpResponse = OAuth2CallbackView.adapter_view(adapter)(request)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    return response


@contextmanager
def _reading(what: str) -> Iterator[None]:
    try:
        yield
    except _MISREADINGS as error:
        raise UnusableAnswer(f"{what} of the provider cannot be read: {error!r}") from error


def _check_configuration(config: dict[str, Any]) -> None:
    for name in _ENDPOINTS:
        parts = urlsplit(config[name])
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ValueError(f"{name} is not an address")
    if not isinstance(config["issuer"], str):
        raise TypeError("issuer is not a text")
    if not isinstance(config.get(_METHODS, []), list):
        raise TypeError(f"{_METHODS} is not a list")


def _check_issuer(found: str, configured: str) -> None:
    """Check that the provider is the one of OIDC_ISSUER (OpenID Connect Discovery 1.0, 4.3).

    A slash at the end and the path of the configuration itself make no difference.
    """
    wanted, _, _ = configured.partition("/.well-known/")
    if found.rstrip("/") != wanted.rstrip("/"):
        raise ValueError(f"issuer is {found!r}, and not OIDC_ISSUER")


def _check_claims(parts: dict[str, Any]) -> None:
    for claims in parts.values():
        # An id that is missing or null would be the same for everybody.
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= UID_MAX_LENGTH:
            raise ValueError("sub is not an id")
        for name in _TEXTS:
            if not isinstance(claims.get(name), str | None):
                raise TypeError(f"{name} is not a text")
    # Otherwise one person could be given the claims of another (OpenID Connect Core 1.0, 5.3.2).
    if len({claims["sub"] for claims in parts.values()}) > 1:
        raise ValueError("the ID token and the user info are about different people")
    # PostgreSQL stores neither NUL nor half of a character.
    if "\\u0000" in json.dumps(parts, ensure_ascii=False).encode().decode():
        raise ValueError("the claims contain NUL")
