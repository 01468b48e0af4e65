"""The pages of record forms, and the buttons that open them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from compliance.admin import badges, instants
from compliance.admin.fields import time_zone_context
from compliance.admin.operation_forms import add_problems
from compliance.admin.proposed import propose
from compliance.admin.record_forms import RecordForm
from compliance.admin.theme import ModelAdmin, button
from compliance.domain.civil_time import zone_label
from compliance.domain.problems import Invalid
from compliance.models import Deadline, User
from compliance.operations.deadlines.approvals import ApprovalNeeded


def record_page(
    request: HttpRequest,
    form: RecordForm,
    *,
    as_of: datetime,
    back: str,
    context: dict[str, Any],
    outcome: Callable[[], str] = str,
) -> HttpResponse:
    """Show a record form; on POST record it, or propose it, and redirect to `back`.

    Args:
        outcome: returns a sentence about the result, shown after the form's success message.
    """
    if request.method == "POST" and form.is_valid():
        assert isinstance(request.user, User)
        try:
            form.record(by=request.user, as_of=as_of)
        except Invalid as error:
            add_problems(form, error.problems)
        except ApprovalNeeded as needed:
            propose(request, needed)
            return HttpResponseRedirect(back)
        else:
            messages.success(request, f"{form.success_message} {outcome()}".strip())
            for warning in form.warnings:
                messages.warning(request, warning)
            return HttpResponseRedirect(back)
    context = {
        **context,
        **time_zone_context(),
        "title": form.heading,
        "form": form,
        "back": back,
    }
    return TemplateResponse(request, "admin/pacta/record.html", context)


def deadline_context(deadline: Deadline) -> dict[str, Any]:
    """Return the template context about the deadline, which record pages show above their form."""
    return {
        "subtitle": str(deadline.obligation),
        "subject": deadline.obligation,
        "status": badges.status_badges(deadline),
        "due": instants.due_text(deadline),
        "zone": zone_label(deadline.timezone),
        "due_utc": instants.utc_html(deadline.due_at, deadline.timezone),
        "parties": badges.parties_html(deadline.obligation, obligor_id=deadline.party_id),
    }


def status_sentence(deadline: Deadline) -> str:
    """Return the current status of a deadline as a sentence."""
    deadline.refresh_from_db(fields=["status", "due_on"])
    return f"The deadline is now {deadline.status.replace('_', ' ')}."


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordButton:
    """A button that opens the page of a record form.

    `name` names the button in `actions_detail` and, with hyphens, in the URL of the page.
    """

    name: str
    label: str
    icon: str
    form_class: type[RecordForm]
    permissions: Sequence[str]

    def view(self) -> Any:
        """Return the model admin method that shows the page."""
        form_class = self.form_class

        def view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
            response: HttpResponse = model_admin.record_view(request, object_id, form_class)
            return response

        # The theme finds out by the function's name on which page the button is.
        view.__name__ = self.name
        return button(
            description=self.label,
            url_path=self.name.replace("_", "-"),
            icon=self.icon,
            permissions=self.permissions,
        )(view)


class RecordAdmin(ModelAdmin):
    """A model admin with record buttons, each of which becomes a method of the class."""

    record_buttons: ClassVar[Sequence[RecordButton]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for each in cls.record_buttons:
            setattr(cls, each.name, each.view())

    def record_view(
        self, request: HttpRequest, object_id: str, form_class: type[Any]
    ) -> HttpResponse:
        """Show the page of a record form about one row."""
        # Not abstract: the metaclass of Django's admin classes cannot be combined with ABCMeta.
        raise NotImplementedError
