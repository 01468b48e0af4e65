"""Labels of the fields of our tables in lists and on pages."""

from __future__ import annotations

import re

from django.apps import apps

_IN_FULL = {"timezone": "time zone", "url": "URL"}


def label_fields() -> None:
    """Give each field of our tables a label in plain English, unless it has one of its own.

    Django labels a field by its name: "is read only", "object id". Migrations do not notice the
    difference, because they keep only labels that a model states.
    """
    for model in apps.get_app_config("compliance").get_models():
        for field in model._meta.fields:
            if "verbose_name" not in field.deconstruct()[3]:
                words = field.name.removeprefix("is_").replace("_", " ")
                field.verbose_name = _IN_FULL.get(words, re.sub(r"\bid$", "ID", words))
