"""How pages without a login are answered: never kept, never framed, never telling where from."""

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
    """A page of `templates/web/page.html`, or of a template that extends it."""
    response = render(request, template, {"title": title, **context}, status=status)
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def not_a_link(request: HttpRequest) -> HttpResponse:
    """For a link that we did not write, or wrote too long ago."""
    return page(
        request,
        "This link does not work",
        status=HTTPStatus.NOT_FOUND,
        lines=["It is not whole, or too old. Use the one in a newer mail, or log in to Pacta."],
    )
