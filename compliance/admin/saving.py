"""How the admin writes: through the operations, with what they refuse put on the form's fields.

A form here only takes what was typed. A draft and an operation say whether it will do; what they
refuse comes back as problems with paths, and each lands on the field or row that it speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.db.models import Model
from django.http import HttpRequest

from compliance.admin.due_dates.due_rules import RuleField
from compliance.admin.fields import zone_list
from compliance.admin.theme import ModelAdmin, ModelForm
from compliance.domain.problems import Invalid, Problem


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in, as a draft reads it: an empty field is a missing one."""
    return {name: value for name, value in values.items() if value not in ("", None, [])}


def place(form: forms.BaseForm, problems: Iterable[Problem]) -> None:
    """Put problems on the fields of a form; what fits none stands above the form."""
    for problem in problems:
        name = _field_of(form, problem.path)
        if name is None and problem.path:
            form.add_error(None, f"{problem.path}: {problem.detail}")
            continue
        detail = problem.detail
        field = form.fields[name] if name else None
        if name is not None and isinstance(field, RuleField):
            path = problem.path.removeprefix(name).strip("/")
            detail = field.describe(path, detail, form.cleaned_data.get(name))
        form.add_error(name, detail)


def _field_of(form: forms.BaseForm, path: str) -> str | None:
    """The field for a path: `due/on` is `due_on`; else the nearest field above it."""
    parts = path.split("/")
    for end in range(len(parts), 0, -1):
        name = "_".join(parts[:end])
        if name in form.fields:
            return name
    alias = getattr(form, "aliases", {}).get(parts[0])
    return alias if alias in form.fields else None


class DraftForm(ModelForm):
    """Takes what was typed, without the model's own validation."""

    # Fields that stand for a path which names no field itself.
    aliases: ClassVar[Mapping[str, str]] = {}
    refused: Sequence[Problem] = ()

    def _post_clean(self) -> None:
        place(self, self.refused)


class OperationAdmin(ModelAdmin):
    """Saves by an operation. Nothing is deleted: the product's records stay."""

    def write(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], stored: Model | None
    ) -> Model:
        """Store what the forms say, through an operation; `stored` is the row to correct.

        Raises:
            Invalid: with paths that `problems_for_form` and the formsets can place.
        """
        raise NotImplementedError

    def problems_for_form(self, problems: Sequence[Problem]) -> Sequence[Problem]:
        """Which problems speak of the form itself, not of a row below it."""
        return problems

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show or save. What the operation refused is shown by reading the form once more."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Invalid as error:
            request.refused = error.problems  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """The page, with the known time zones for the fields that offer them."""
        return super().render_change_form(request, {**context, **zone_list()}, *args, **kwargs)

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form, knowing what was refused a moment ago."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.refused = self.problems_for_form(refused(request))
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing yet: the row and what hangs on it are stored together, by `save_related`."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Store everything, through the operation."""
        instance = form.instance
        stored = self.write(request, form, formsets, instance if change else None)
        instance.pk = stored.pk
        instance.refresh_from_db()

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """None: the triggers of the database keep the history."""
        return []

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Not kept twice."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Not kept twice."""

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Nobody."""
        return False


def refused(request: HttpRequest) -> Sequence[Problem]:
    """What the operation refused when it was first asked, if it was."""
    return getattr(request, "refused", ())
