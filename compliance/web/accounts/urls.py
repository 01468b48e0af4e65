"""The pages of django-allauth that Pacta uses. The others, such as sign-up, do not exist."""

from __future__ import annotations

from allauth.account import views
from allauth.socialaccount import views as social
from allauth.socialaccount.providers.openid_connect import views as openid_connect
from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from compliance.web.accounts import oidc
from compliance.web.accounts.addresses import AddressView, confirm
from compliance.web.accounts.outages import with_discovery
from compliance.web.accounts.sessions import SessionsView

urlpatterns: list[URLPattern | URLResolver] = [
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("password/reset/", views.password_reset, name="account_reset_password"),
    path("password/reset/done/", views.password_reset_done, name="account_reset_password_done"),
    path("email/", AddressView.as_view(), name="account_address"),
    path("email/confirm/<str:token>/", confirm, name="account_address_confirm"),
    path("sessions/", SessionsView.as_view(), name="usersessions_list"),
    path("2fa/", include("allauth.mfa.urls")),
    path("sso/cancelled/", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("sso/error/", social.login_error, name="socialaccount_login_error"),
    path(
        "sso/oidc/<str:provider_id>/login/",
        with_discovery(openid_connect.login),
        name="openid_connect_login",
    ),
    path(
        "sso/oidc/<str:provider_id>/login/callback/",
        with_discovery(oidc.callback),
        name="openid_connect_callback",
    ),
]
if "saml" in settings.SOCIALACCOUNT_PROVIDERS:
    urlpatterns.append(path("sso/", include("compliance.web.accounts.saml")))
