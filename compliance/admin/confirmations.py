"""Pages that ask for confirmation before an action, and pages that show a new secret once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from compliance.admin import urls
from compliance.admin.operation_forms import add_problems
from compliance.admin.pages import page_context
from compliance.admin.theme import ModelAdmin, keep_reason
from compliance.domain.problems import Invalid


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmation:
    """The text of a confirmation page."""

    title: str
    lines: Sequence[str]
    submit: str
    is_destructive: bool = False


def confirm_then(
    model_admin: ModelAdmin,
    request: HttpRequest,
    row: Model,
    confirmation: Confirmation,
    *,
    action: Callable[[], HttpResponse],
    back: str,
) -> HttpResponse:
    """Ask for confirmation of an action on a row; on POST run it and return its response.

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
    context = page_context(
        model_admin, request, row, title=confirmation.title, confirmation=confirmation, back=back
    )
    return TemplateResponse(request, "admin/pacta/confirm.html", context)


def confirm(
    model_admin: ModelAdmin,
    request: HttpRequest,
    row: Model,
    confirmation: Confirmation,
    *,
    action: Callable[[], str],
    back: str,
) -> HttpResponse:
    """Ask for confirmation; on POST run the action, then show the sentence it returns on `back`."""

    def act_and_redirect() -> HttpResponse:
        messages.success(request, action())
        return HttpResponseRedirect(back)

    return confirm_then(model_admin, request, row, confirmation, action=act_and_redirect, back=back)


@dataclass(frozen=True, kw_only=True, slots=True)
class OneTimeSecret:
    """A secret that is shown when it is created and never again."""

    name: str
    value: str
    advice: str
    usage: str


def show_secret(
    request: HttpRequest, secret: OneTimeSecret, *, back: str, context: dict[str, Any]
) -> HttpResponse:
    """Show a secret in the response to the POST that created it, so it is never stored."""
    context = {**context, "secret": secret, "back": back}
    response = TemplateResponse(request, "admin/pacta/secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


def ask_then_show_secret(
    model_admin: ModelAdmin,
    request: HttpRequest,
    form: forms.Form,
    *,
    create: Callable[[], OneTimeSecret],
    title: str,
    submit: str,
    advice: str = "",
) -> HttpResponse:
    """Show a form; on POST create the secret that it asks for, and show it once.

    If `create` raises `Invalid`, show the form with the problems.
    """
    back = urls.list_url(str(model_admin.opts.model_name))
    context = page_context(model_admin, request, title=title, back=back)
    if request.method == "POST" and form.is_valid():
        try:
            secret = create()
        except Invalid as error:
            add_problems(form, error.problems)
        else:
            return show_secret(request, secret, back=back, context=context)
    context |= {"form": form, "submit": submit, "advice": advice}
    return TemplateResponse(request, "admin/pacta/create.html", context)
