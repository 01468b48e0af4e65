"""Pages that work without signing in. They are not cached, not indexed, and send no referrer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def page(
    request: HttpRequest,
    title: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    template: str = "web/page.html",
    **context: Any,
) -> HttpResponse:
    """Return a page rendered with `templates/web/page.html`, or a template that extends it."""
    response = render(request, template, {"title": title, **context}, status=status)
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def not_a_link(request: HttpRequest) -> HttpResponse:
    """Return the page for a link that is forged or has expired."""
    return page(
        request,
        "This link does not work",
        status=HTTPStatus.NOT_FOUND,
        lines=["This link is incomplete or has expired. Use a newer email, or sign in to Pacta."],
    )
