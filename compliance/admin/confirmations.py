"""Pages that ask for confirmation before an action, and pages that show a new secret once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from compliance.admin.theme import keep_reason
from compliance.domain.problems import Invalid


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmation:
    """The text of a confirmation page."""

    title: str
    lines: Sequence[str]
    submit: str
    is_destructive: bool = False


def confirm_then(
    request: HttpRequest,
    confirmation: Confirmation,
    *,
    action: Callable[[], HttpResponse],
    back: str,
    context: dict[str, Any],
) -> HttpResponse:
    """Ask for confirmation; on POST run the action and return its response.

    If the action raises `Invalid`, redirect to `back` and show the problems there.
    """
    if request.method == "POST":
        keep_reason(request)
        try:
            return action()
        except Invalid as error:
            for problem in error.problems:
                messages.error(request, problem.detail)
        return HttpResponseRedirect(back)
    context = {**context, "title": confirmation.title, "confirmation": confirmation, "back": back}
    return TemplateResponse(request, "admin/pacta/confirm.html", context)


def confirm(
    request: HttpRequest,
    confirmation: Confirmation,
    *,
    action: Callable[[], str],
    back: str,
    context: dict[str, Any],
) -> HttpResponse:
    """Ask for confirmation; on POST run the action, then show the sentence it returns on `back`."""

    def act_and_redirect() -> HttpResponse:
        messages.success(request, action())
        return HttpResponseRedirect(back)

    return confirm_then(request, confirmation, action=act_and_redirect, back=back, context=context)


@dataclass(frozen=True, kw_only=True, slots=True)
class OneTimeSecret:
    """A secret that is shown when it is created and never again."""

    name: str
    value: str
    advice: str
    usage: str


def show_secret(
    request: HttpRequest, secret: OneTimeSecret, *, title: str, back: str, context: dict[str, Any]
) -> HttpResponse:
    """Show a secret in the response to the POST that created it, so it is never stored."""
    context = {**context, "title": title, "secret": secret, "back": back}
    response = TemplateResponse(request, "admin/pacta/secret.html", context)
    response["Cache-Control"] = "no-store"
    return response
