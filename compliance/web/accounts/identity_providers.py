"""Sign-in with an identity provider: OpenID Connect, or SAML."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, NoReturn

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from compliance.domain.problems import Invalid
from compliance.operations.people.identities import Identity, sign_in
from compliance.web.accounts.oidc import ProviderAdapter
from compliance.web.accounts.outages import is_outage, note_outage
from compliance.web.pages import page


class IdentityAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # untyped base of allauth
    """Finds or creates the account of somebody who signs in with a provider."""

    def is_open_for_signup(self, *_: Any, **__: Any) -> bool:
        """Return False: `pre_social_login` creates accounts, for members of known groups only."""
        return False

    def get_provider(self, *args: Any, **options: Any) -> Any:
        """Return a provider, whose answers are checked."""
        provider = super().get_provider(*args, **options)
        if isinstance(provider, OpenIDConnectProvider):
            provider.oauth2_adapter_class = ProviderAdapter
        return provider

    def get_requests_session(self) -> Any:
        """Return the session of a sign-in, in which a failure of the provider is an error."""
        session = super().get_requests_session()
        session.hooks["response"].append(_raise_for_failure)
        return session

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Find or create the account, and give it the roles and teams of the groups.

        Raises:
            ImmediateHttpResponse: there is no account for this person.
        """
        if sociallogin.state.get("process") != "login":
            # An account of the provider is connected by its verified address only.
            _refuse(request, "Sign out of Pacta first, and then sign in with the provider.")
        known = sociallogin.user if sociallogin.is_existing else None
        try:
            user = sign_in(identity=_identity(sociallogin), known=known, rules=settings.SSO_GROUPS)
        except Invalid as error:
            _refuse(request, error.problems[0].detail)
        if known is None:
            sociallogin.connect(request, user)

    def on_authentication_error(
        self, request: HttpRequest, *_: Any, exception: Exception | None = None, **__: Any
    ) -> None:
        """Tell an outage of the provider from a sign-in that it refused.

        Raises:
            ImmediateHttpResponse: the provider does not answer.
        """
        if exception is not None and is_outage(exception):
            raise note_outage(request, "oidc", exception)


def _raise_for_failure(response: Any, *_: Any, **__: Any) -> None:
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        response.raise_for_status()


def _identity(sociallogin: SocialLogin) -> Identity:
    claims = sociallogin.account.extra_data
    verified = [each.email for each in sociallogin.email_addresses if each.verified]
    return Identity(
        email=verified[0] if verified else "",
        is_verified=bool(verified),
        first_name=sociallogin.user.first_name,
        last_name=sociallogin.user.last_name,
        groups=_groups(claims),
    )


def _groups(claims: dict[str, Any]) -> frozenset[str]:
    """Return the groups in the claims, which some providers put only into the ID token."""
    name = settings.SSO_GROUPS_CLAIM
    found: set[str] = set()
    for part in (claims, claims.get("userinfo") or {}, claims.get("id_token") or {}):
        value = part.get(name) if isinstance(part, dict) else None
        values = value if isinstance(value, list) else [value]
        found.update(each for each in values if isinstance(each, str))
    return frozenset(found)


def _refuse(request: HttpRequest, sentence: str) -> NoReturn:
    response = page(
        request,
        "You could not be signed in",
        status=HTTPStatus.FORBIDDEN,
        lines=[sentence],
        link=reverse("account_login"),
        link_text="Back to the sign-in page",
    )
    raise ImmediateHttpResponse(response)
