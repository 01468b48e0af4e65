"""The admin theme's classes and widgets, typed as the Django classes that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from compliance.admin.whole_numbers import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib import admin

    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    StackedInline = admin.StackedInline[Any, Any]
    BaseInlineFormSet = forms.BaseInlineFormSet[Any, Any, Any]
    ModelForm = forms.ModelForm[Any]
    Checkbox = forms.CheckboxInput
    Checkboxes = forms.CheckboxSelectMultiple
    Choice = forms.Select
    Number = forms.NumberInput
    Radio = forms.RadioSelect
    Text = forms.TextInput
    TextArea = forms.Textarea

    def button(**options: Any) -> Callable[[Callable[..., Any]], Any]: ...

else:
    from unfold.admin import ModelAdmin, StackedInline, TabularInline
    from unfold.decorators import action as button
    from unfold.forms import PaginationInlineFormSet as BaseInlineFormSet
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as Checkboxes
    from unfold.widgets import UnfoldAdminDecimalFieldWidget as Number
    from unfold.widgets import UnfoldAdminRadioSelectWidget as Radio
    from unfold.widgets import UnfoldAdminSelectWidget as Choice
    from unfold.widgets import UnfoldAdminTextareaWidget as TextArea
    from unfold.widgets import UnfoldAdminTextInputWidget as Text
    from unfold.widgets import UnfoldBooleanWidget as Checkbox

    ModelForm = forms.ModelForm


class InlineFormSet(BaseInlineFormSet):
    """Rows within a page, in pages of their own, and never more than `most_rows` at once.

    A browser says how many rows it sends. Django believes it up to two thousand, each of which
    costs up to twenty milliseconds.
    """

    most_rows = 1_000

    def __init__(self, *args: Any, **options: Any) -> None:
        self.absolute_max = self.max_num = self.most_rows
        super().__init__(*args, **options)

    def get_page_num(self) -> int:
        """Return which page of rows is asked for; the first one if none is."""
        request: Any = getattr(self, "request", None)
        name = f"{self.prefix}-page"
        asked = request.GET.get(name) or request.POST.get(name) or ""
        return whole_number(asked) or 1


__all__ = [
    "Checkbox",
    "Checkboxes",
    "Choice",
    "InlineFormSet",
    "ModelAdmin",
    "ModelForm",
    "Number",
    "Radio",
    "StackedInline",
    "TabularInline",
    "Text",
    "TextArea",
    "button",
]
