"""The identity providers with which people can sign in, as django-allauth expects them."""

from __future__ import annotations

from typing import Any

from config.env import Environment

# How long a sign-in waits for an answer of the provider.
TIMEOUT_SECONDS = 3

_OIDC = "allauth.socialaccount.providers.openid_connect"
_SAML = "allauth.socialaccount.providers.saml"


def apps(environment: Environment) -> list[str]:
    """Return the Django apps of the configured providers."""
    return [_OIDC, *([_SAML] if environment.saml_metadata_url else [])]


def providers(environment: Environment) -> dict[str, Any]:
    """Return the configured providers."""
    found: dict[str, Any] = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": []}}
    if environment.oidc_issuer:
        found["openid_connect"]["SCOPE"] = environment.oidc_scopes
        found["openid_connect"]["APPS"] = [
            {
                "provider_id": "sso",
                "name": environment.sso_name,
                "client_id": environment.oidc_client_id,
                "secret": environment.oidc_client_secret,
                "settings": {"server_url": environment.oidc_issuer},
            }
        ]
    if environment.saml_metadata_url:
        idp = {
            "entity_id": environment.saml_entity_id,
            "metadata_url": environment.saml_metadata_url,
            "metadata_request_timeout": TIMEOUT_SECONDS,
        }
        # The operator has chosen the provider, which vouches for the addresses of its people.
        options = {"idp": idp, "verified_email": True, "attribute_mapping": _SAML_ATTRIBUTES}
        found["saml"] = {
            "APPS": [
                {
                    "provider_id": "saml",
                    "client_id": "saml",
                    "name": environment.sso_name,
                    "settings": options,
                }
            ]
        }
    return found


_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_SAML_ATTRIBUTES = {
    "uid": ["urn:oasis:names:tc:SAML:attribute:subject-id", f"{_CLAIMS}/nameidentifier"],
    "email": ["urn:oid:0.9.2342.19200300.100.1.3", f"{_CLAIMS}/emailaddress", "email"],
    "first_name": ["urn:oid:2.5.4.42", f"{_CLAIMS}/givenname", "firstName"],
    "last_name": ["urn:oid:2.5.4.4", f"{_CLAIMS}/surname", "lastName"],
}
