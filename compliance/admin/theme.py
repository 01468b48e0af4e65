"""The admin theme's classes and widgets, typed as the Django classes that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib import admin

    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    StackedInline = admin.StackedInline[Any, Any]
    InlineFormSet = forms.BaseInlineFormSet[Any, Any, Any]
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
    from unfold.forms import PaginationInlineFormSet as InlineFormSet
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as Checkboxes
    from unfold.widgets import UnfoldAdminDecimalFieldWidget as Number
    from unfold.widgets import UnfoldAdminRadioSelectWidget as Radio
    from unfold.widgets import UnfoldAdminSelectWidget as Choice
    from unfold.widgets import UnfoldAdminTextareaWidget as TextArea
    from unfold.widgets import UnfoldAdminTextInputWidget as Text
    from unfold.widgets import UnfoldBooleanWidget as Checkbox

    ModelForm = forms.ModelForm

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
