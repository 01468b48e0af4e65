"""The look of the admin: titles, navigation and colours for django-unfold."""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Pacta",
    "SITE_HEADER": "Pacta",
    "SITE_SUBHEADER": "Are agreements kept?",
    "SITE_SYMBOL": "handshake",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("pacta/favicon.svg")}
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_URL": None,
    "DASHBOARD_CALLBACK": "compliance.admin.site.dashboard",
    "ACCOUNT": {
        "navigation": [
            {"title": "Address", "link": reverse_lazy("account_address")},
            {"title": "Password", "link": reverse_lazy("account_change_password")},
            {"title": "Second factors", "link": reverse_lazy("mfa_index")},
            {"title": "Sessions", "link": reverse_lazy("usersessions_list")},
        ]
    },
    "SIDEBAR": {"navigation": "compliance.admin.site.sidebar"},
    "STYLES": [lambda _: static("pacta/admin.css")],
    "SCRIPTS": [lambda _: static("pacta/keyboard.js")],
    "COLORS": {
        "primary": {
            "50": "#eff6ff",
            "100": "#dbeafe",
            "200": "#bfdbfe",
            "300": "#93c5fd",
            "400": "#60a5fa",
            "500": "#3b82f6",
            "600": "#2563eb",
            "700": "#1d4ed8",
            "800": "#1e40af",
            "900": "#1e3a8a",
            "950": "#172554",
        },
    },
}
