"""Forms and model admins that save through operations.

A form only collects what was typed. The draft and the operation validate it; each problem that
they report has a path, by which it is shown on the field or row that it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.db.models import Model
from django.http import HttpRequest, HttpResponseRedirect

from compliance.admin.fields import CompositeField, time_zone_context
from compliance.admin.proposed import propose
from compliance.admin.theme import ModelAdmin, ModelForm
from compliance.domain.problems import Invalid, Problem
from compliance.operations.deadlines.approvals import ApprovalNeeded


def without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values without empty ones, because a draft expects missing fields instead."""
    return {name: value for name, value in values.items() if value not in ("", None, [])}


def add_problems(form: forms.BaseForm, problems: Iterable[Problem]) -> None:
    """Show problems on the fields of a form, or above it if they fit no field."""
    for problem in problems:
        name = _field_name(form, problem.path)
        if name is None and problem.path:
            form.add_error(None, f"{problem.path}: {problem.detail}")
            continue
        detail = problem.detail
        field = form.fields[name] if name else None
        if name is not None and isinstance(field, CompositeField):
            path = problem.path.removeprefix(name).strip("/")
            detail = field.describe_problem(path, detail, form.cleaned_data.get(name))
        form.add_error(name, detail)


def _field_name(form: forms.BaseForm, path: str) -> str | None:
    """Return the field for a path: `due/on` becomes `due_on`, or else its parent or an alias."""
    parts = path.split("/")
    for end in range(len(parts), 0, -1):
        name = "_".join(parts[:end])
        if name in form.fields:
            return name
    alias = getattr(form, "aliases", {}).get(parts[0])
    return alias if alias in form.fields else None


class DraftForm(ModelForm):
    """Collects the values of a draft. The draft replaces the validation by the model."""

    # Fields that show the problems of a path that has no field of its own.
    aliases: ClassVar[Mapping[str, str]] = {}
    problems: Sequence[Problem] = ()

    def _post_clean(self) -> None:
        add_problems(self, self.problems)


class OperationAdmin(ModelAdmin):
    """Adds and changes rows through an operation. Rows are never deleted."""

    def save_draft(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], existing: Model | None
    ) -> Model:
        """Store the values of the forms through an operation.

        Args:
            existing: the row to change, or None to add one.

        Raises:
            Invalid: with paths that `form_problems` and the formsets can map to fields.
        """
        # Not abstract: the metaclass of Django's admin classes cannot be combined with ABCMeta.
        raise NotImplementedError

    def form_problems(self, problems: Sequence[Problem]) -> Sequence[Problem]:
        """Return the problems that are about the form itself rather than one of its rows."""
        return problems

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show the form or save it. If the operation reports problems, show the form with them."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ApprovalNeeded as needed:
            propose(request, needed)
            return HttpResponseRedirect(request.get_full_path())
        except Invalid as error:
            # Django passes only the request to the forms that it builds again.
            request.draft_problems = error.problems  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Render the page with the list of time zones that its fields suggest."""
        context = {**context, **time_zone_context()}
        return super().render_change_form(request, context, *args, **kwargs)

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Return the form class, with the problems that the operation reported."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.problems = self.form_problems(draft_problems(request))
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Do nothing: `save_related` stores the row together with its related rows."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Store the row and its related rows through the operation."""
        instance = form.instance
        stored = self.save_draft(request, form, formsets, instance if change else None)
        instance.pk = stored.pk
        instance.refresh_from_db()

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """Return no message: database triggers record the history."""
        return []

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Do nothing: database triggers record the history."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Do nothing: database triggers record the history."""

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return False: rows are never deleted."""
        return False


def draft_problems(request: HttpRequest) -> Sequence[Problem]:
    """Return the problems that the operation reported earlier in this request."""
    return getattr(request, "draft_problems", ())
