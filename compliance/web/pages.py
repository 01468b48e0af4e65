"""Responses for pages without a login. Browsers must not cache them or reveal their URLs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse


def page(
    request: HttpRequest,
    title: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    template: str = "web/page.html",
    **context: Any,
) -> HttpResponse:
    """Return a page rendered from `templates/web/page.html`, or a template that extends it."""
    response = render(request, template, {"title": title, **context}, status=status)
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def invalid_link(request: HttpRequest) -> HttpResponse:
    """Return the page for a link with a wrong or expired signature."""
    return page(
        request,
        "This link does not work",
        status=HTTPStatus.NOT_FOUND,
        lines=[
            "This link is incomplete or has expired. Use the link in a more recent mail, or sign "
            "in to Pacta."
        ],
        link=reverse("account_login"),
        link_text="Sign in",
    )
