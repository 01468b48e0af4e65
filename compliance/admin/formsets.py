"""Base classes of the rows that are edited on the page of their parent and saved with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest

from compliance.admin.operation_forms import add_problems, draft_problems
from compliance.admin.theme import InlineFormSet, TabularInline
from compliance.domain.problems import Problem


class DraftFormSet(InlineFormSet):
    """Rows whose problems have paths such as `obligations/2/due`, counted from 0."""

    problems: Sequence[Problem] = ()

    def rows(self) -> list[Any]:
        """Return the forms in the order of the indexes in problem paths."""
        return list(self.forms)

    def clean(self) -> None:
        """Show each problem on its row, or above the rows if it is about none of them."""
        # Read the rows first: adding an error to a form removes the value that makes it a row.
        rows = self.rows()
        for problem in self.problems:
            _, _, path = problem.path.partition("/")
            index, _, field = path.partition("/")
            if index.isdigit() and int(index) < len(rows):
                add_problems(rows[int(index)], [Problem(path=field, detail=problem.detail)])
            else:
                raise forms.ValidationError(problem.detail)


class FilledRowFormSet(DraftFormSet):
    """Rows that count only if one field is filled in, such as the ref of a milestone."""

    key_field: str

    def rows(self) -> list[Any]:
        """Return the forms whose key field is filled in and that are not marked for deletion."""
        return [
            form
            for form in self.forms
            if (form.cleaned_data.get(self.key_field) if hasattr(form, "cleaned_data") else None)
            and not form.cleaned_data.get("DELETE")
        ]


class DraftRowsMixin:
    """Gives the formset of an inline the problems that the operation reported about its rows."""

    problem_path: str

    def get_formset(self, request: HttpRequest, obj: Any | None = None, **kwargs: Any) -> Any:
        """Return the formset class, with the problems below `problem_path`."""
        inline: Any = super()
        formset: Any = inline.get_formset(request, obj, **kwargs)
        formset.problems = [
            problem for problem in draft_problems(request) if is_below(problem, self.problem_path)
        ]
        return formset


class PartInline(DraftRowsMixin, TabularInline):
    """Rows that are part of their parent: users who may change the parent may change them."""

    parent_model_name: str
    hide_title = True

    def has_view_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return whether the user may view or change the parent."""
        return self._has_perm(request, "view") or self.has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return whether the user may save the parent."""
        return self._has_perm(request, "change" if obj else "add")

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return whether the user may save the parent."""
        return self._has_perm(request, "change" if obj else "add")

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return whether the user may save the parent."""
        return self._has_perm(request, "change" if obj else "add")

    def _has_perm(self, request: HttpRequest, verb: str) -> bool:
        return bool(request.user.has_perm(f"compliance.{verb}_{self.parent_model_name}"))


def is_below(problem: Problem, path: str) -> bool:
    """Return whether a problem is about this path or something below it."""
    return problem.path == path or problem.path.startswith(f"{path}/")
