"""The root URL configuration."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from compliance.api.system.health import healthz, readyz
from compliance.api.system.metrics import metrics
from compliance.api.urls import unknown_address

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("account/", include("compliance.web.accounts.urls")),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("", include("compliance.web.urls")),
    path("api/v1/", include("compliance.api.urls")),
    path("api/", include([unknown_address])),
]

handler400 = "compliance.api.problems.bad_request"
handler403 = "compliance.api.problems.not_allowed"
handler404 = "compliance.api.problems.not_found"
handler500 = "compliance.api.problems.server_error"
