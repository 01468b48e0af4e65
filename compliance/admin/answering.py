"""The page of a small form: shown, and on POST handed to its operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from compliance.admin.fields import zone_list
from compliance.admin.recording import RecordForm
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
