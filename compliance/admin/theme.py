"""The classes and widgets of the admin theme (Unfold), typed as the Django classes they replace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pghistory
from django import forms
from django.contrib import messages
from django.contrib.admin import widgets
from django.http import HttpRequest

from compliance.admin.visible import limit_choices, visible
from compliance.domain.drafts import LONGEST_REASON
from compliance.domain.whole_numbers import whole_number
from compliance.domain.work import check

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.contrib import admin
    from django.db.models import QuerySet

    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
    _StackedInline = admin.StackedInline[Any, Any]
    BaseInlineFormSet = forms.BaseInlineFormSet[Any, Any, Any]
    _ModelForm = forms.ModelForm[Any]
    CheckboxInput = forms.CheckboxInput
    CheckboxSelectMultiple = forms.CheckboxSelectMultiple
    FileInput = forms.FileInput
    NumberInput = forms.NumberInput
    RadioSelect = forms.RadioSelect
    Select = forms.Select
    Textarea = forms.Textarea
    TextInput = forms.TextInput

    def button(**options: Any) -> Callable[[Callable[..., Any]], Any]: ...

else:
    from unfold.admin import ModelAdmin as _ModelAdmin
    from unfold.admin import StackedInline as _StackedInline
    from unfold.admin import TabularInline as _TabularInline
    from unfold.decorators import action as button
    from unfold.forms import PaginationInlineFormSet as BaseInlineFormSet
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as CheckboxSelectMultiple
    from unfold.widgets import UnfoldAdminDecimalFieldWidget as NumberInput
    from unfold.widgets import UnfoldAdminFileFieldWidget as FileInput
    from unfold.widgets import UnfoldAdminRadioSelectWidget as RadioSelect
    from unfold.widgets import UnfoldAdminSelectWidget as Select
    from unfold.widgets import UnfoldAdminTextareaWidget as Textarea
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput
    from unfold.widgets import UnfoldBooleanWidget as CheckboxInput

    _ModelForm = forms.ModelForm


# The most characters of a search, as in the API.
LONGEST_SEARCH = 200


# Unfold has no widgets of its own for these, but styles Django's.
class AutocompleteSelect(widgets.AutocompleteSelect):
    """A choice among many rows, which the browser searches for."""

    def optgroups(self, name: str, value: Sequence[Any], attr: Any = None) -> Any:
        """Return the chosen row, if the posted value can be an id."""
        return super().optgroups(name, _possible_ids(value), attr)


class AutocompleteSelectMultiple(widgets.AutocompleteSelectMultiple):
    """A choice of several among many rows, which the browser searches for."""

    def optgroups(self, name: str, value: Sequence[Any], attr: Any = None) -> Any:
        """Return the chosen rows, ignoring posted values that cannot be ids."""
        return super().optgroups(name, _possible_ids(value), attr)


def _possible_ids(values: Sequence[Any]) -> list[str]:
    """Return the values that can be ids: Django's widgets fail if they look for another one."""
    return [each for each in map(str, values) if whole_number(each) is not None]


def keep_reason(request: HttpRequest) -> None:
    """Store the reason that a form states with whatever the request changes."""
    # What is longer than the input allows did not come from the page.
    if request.method == "POST" and (reason := request.POST.get("change_reason", "").strip()):
        pghistory.context(reason=reason[:LONGEST_REASON])


class ModelAdmin(_ModelAdmin):
    """The base class of all pages about rows.

    It shows, offers and accepts only rows that exist for the user. Every form can state the reason
    of a change.
    """

    change_form_after_template = "admin/pacta/reason_of_form.html"

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Show or store the form, and keep the reason with what it changes."""
        keep_reason(request)
        return super().changeform_view(request, *args, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that exist for the user."""
        return visible(super().get_queryset(request), request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows with every word of a search, or none if it is too long.

        Each word is looked for in several fields: two thousand took the database eight seconds.
        """
        if len(search_term) > LONGEST_SEARCH:
            messages.error(request, f"Search for at most {LONGEST_SEARCH} characters.")
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Return the form class, whose choices exist for the user."""
        form = super().get_form(request, obj, change=change, **kwargs)
        limit_choices(form, request)
        return form

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the field of a related row."""
        if "widget" not in kwargs and db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = AutocompleteSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class TabularInline(_TabularInline):
    """Shows only rows that exist for the user."""

    def get_formset(self, request: HttpRequest, obj: Any | None = None, **kwargs: Any) -> Any:
        """Return the form set, whose inputs name themselves: labels are only above the columns."""
        formset = super().get_formset(request, obj, **kwargs)
        for field in formset.form.base_fields.values():
            field.widget.attrs.setdefault("aria-label", field.label)
        return formset

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that exist for the user."""
        return visible(super().get_queryset(request), request)


class StackedInline(_StackedInline):
    """Shows only rows that exist for the user."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that exist for the user."""
        return visible(super().get_queryset(request), request)


class ModelForm(_ModelForm):
    """A form about a row. A page may have hundreds, and stops when it has taken too long."""

    def full_clean(self) -> None:
        """Check what was entered."""
        check()
        super().full_clean()

    def __getitem__(self, name: str) -> Any:
        """Return a field to be shown."""
        check()
        return super().__getitem__(name)


class InlineFormSet(BaseInlineFormSet):
    """Rows within a page, in pages of their own, and never more than `most_rows` at once.

    A browser states how many rows it sends. Django believes it up to two thousand, each of which
    takes up to twenty milliseconds.
    """

    most_rows = 1_000

    def __init__(self, *args: Any, **options: Any) -> None:
        self.absolute_max = self.max_num = self.most_rows
        super().__init__(*args, **options)

    def get_page_num(self) -> int:
        """Return the number of the page of rows that is requested, by default 1."""
        request: Any = getattr(self, "request", None)
        name = f"{self.prefix}-page"
        asked = request.GET.get(name) or request.POST.get(name) or ""
        return whole_number(asked) or 1


__all__ = [
    "AutocompleteSelect",
    "AutocompleteSelectMultiple",
    "CheckboxInput",
    "CheckboxSelectMultiple",
    "FileInput",
    "InlineFormSet",
    "ModelAdmin",
    "ModelForm",
    "NumberInput",
    "RadioSelect",
    "Select",
    "StackedInline",
    "TabularInline",
    "TextInput",
    "Textarea",
    "button",
    "keep_reason",
]
