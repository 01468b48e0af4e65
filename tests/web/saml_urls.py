"""The URLs of a service that is configured for SAML."""

from __future__ import annotations

from django.urls import include, path

from config import urls

urlpatterns = [
    path("account/sso/", include("compliance.web.accounts.saml")),
    *urls.urlpatterns,
]
