"""The classes and widgets of the admin theme (Unfold), typed as the Django classes they replace."""

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
    from unfold.admin import ModelAdmin, StackedInline, TabularInline
    from unfold.decorators import action as button
    from unfold.forms import PaginationInlineFormSet as InlineFormSet
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as CheckboxSelectMultiple
    from unfold.widgets import UnfoldAdminDecimalFieldWidget as NumberInput
    from unfold.widgets import UnfoldAdminFileFieldWidget as FileInput
    from unfold.widgets import UnfoldAdminRadioSelectWidget as RadioSelect
    from unfold.widgets import UnfoldAdminSelectWidget as Select
    from unfold.widgets import UnfoldAdminTextareaWidget as Textarea
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput
    from unfold.widgets import UnfoldBooleanWidget as CheckboxInput

    ModelForm = forms.ModelForm

__all__ = [
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
]
