"""The pages of small forms and of buttons: shown, and on POST handed to an operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from compliance.admin.deadlines.recording import RecordForm
from compliance.admin.fields import zone_list
from compliance.admin.saving import place
from compliance.domain.problems import Invalid
from compliance.models import User


def answer(
    request: HttpRequest,
    form: RecordForm,
    *,
    as_of: Any,
    back: str,
    outcome: Callable[[], str],
    context: dict[str, Any],
) -> HttpResponse:
    """Show a form; on POST hand it to its operation, and go `back` with what came of it."""
    if request.method == "POST" and form.is_valid():
        assert isinstance(request.user, User)
        try:
            form.record(by=request.user, as_of=as_of)
        except Invalid as error:
            place(form, error.problems)
        else:
            messages.success(request, f"{form.done} {outcome()}".strip())
            return HttpResponseRedirect(back)
    context = {**context, **zone_list(), "title": form.heading, "form": form, "back": back}
    return TemplateResponse(request, "admin/pacta/record.html", context)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What somebody is asked before a button does anything."""

    title: str
    lines: Sequence[str]
    submit: str
    is_grave: bool = False


def ask(
    request: HttpRequest,
    question: Question,
    *,
    act: Callable[[], HttpResponse],
    back: str,
    context: dict[str, Any],
) -> HttpResponse:
    """Ask; on POST do it and give its answer, or go `back` with what was refused."""
    if request.method == "POST":
        try:
            return act()
        except Invalid as error:
            for problem in error.problems:
                messages.error(request, problem.detail)
        return HttpResponseRedirect(back)
    context = {**context, "title": question.title, "subtitle": None, "question": question}
    return TemplateResponse(request, "admin/pacta/confirm.html", {**context, "back": back})


def confirm(
    request: HttpRequest,
    question: Question,
    *,
    act: Callable[[], str],
    back: str,
    context: dict[str, Any],
) -> HttpResponse:
    """Ask; on POST do it and go `back`, with the sentence that it returns or what was refused."""

    def and_go_back() -> HttpResponse:
        messages.success(request, act())
        return HttpResponseRedirect(back)

    return ask(request, question, act=and_go_back, back=back, context=context)


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """Something that is shown when it is made, and never again."""

    name: str
    value: str
    advice: str
    use: str


def show_once(
    request: HttpRequest, secret: Secret, *, title: str, back: str, context: dict[str, Any]
) -> HttpResponse:
    """Show a secret on the page that answers: it is stored nowhere on the way."""
    context = {**context, "title": title, "subtitle": None, "secret": secret, "back": back}
    response = TemplateResponse(request, "admin/pacta/secret.html", context)
    response["Cache-Control"] = "no-store"
    return response
