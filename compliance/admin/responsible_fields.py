"""Fields that choose who is responsible: users and teams, found as one types.

Only those are offered that the person may know of. Another address can be typed as well, because a
person without an account can be responsible.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin import site
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from compliance.admin import urls
from compliance.admin.theme import LONGEST_SEARCH
from compliance.admin.visible import reader
from compliance.domain.responsible import ME
from compliance.queries.people.responsible_choices import Choice, responsible_choices

_MOST = 20
_ME = Choice(ME, "me (the recipient, and their teams)")
_VERBS = ("view", "add", "change")


class ResponsibleWidget(forms.SelectMultiple):
    """A choice of several users and teams, which the browser searches for."""

    offers_me = False

    @property
    def media(self) -> forms.Media:
        """The scripts and styles of the autocompletion of the admin."""
        return AutocompleteSelect(None, site).media

    def build_attrs(self, base_attrs: Any, extra_attrs: Any = None) -> dict[str, Any]:
        """Return the attributes from which the script of the admin reads where to search."""
        attrs = super().build_attrs(base_attrs, extra_attrs)
        return {
            **attrs,
            "class": f"{attrs.get('class', '')} admin-autocomplete".strip(),
            "data-ajax--cache": "true",
            "data-ajax--delay": 250,
            "data-ajax--type": "GET",
            "data-ajax--url": urls.responsible_choices_url(offers_me=self.offers_me),
            "data-allow-clear": "true",
            "data-placeholder": "",
            "data-tags": "true",
            "data-theme": "admin-autocomplete",
        }

    def optgroups(self, name: str, value: Sequence[Any], attrs: Any = None) -> Any:
        """Return the chosen names only."""
        chosen = [str(each) for each in value if each not in (None, "")]
        if not self.allow_multiple_selected:
            chosen.insert(0, "")
        options = [
            self.create_option(name, each, each, bool(each), index, attrs=attrs)
            for index, each in enumerate(chosen)
        ]
        return [(None, options, 0)]


class OneResponsibleWidget(ResponsibleWidget):
    """A choice of one user or team, or of whoever receives something."""

    allow_multiple_selected = False
    offers_me = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Return the chosen name."""
        return data.get(name)


class ResponsibleField(forms.Field):
    """Users by email address and teams as `team:` and their slug, which the draft validates."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "widget": ResponsibleWidget(), **options})

    def to_python(self, value: Any) -> list[str]:
        """Return the names. One that was typed may stand for several, separated by commas."""
        given = [value] if isinstance(value, str) else list(value or ())
        return [word.strip() for each in given for word in str(each).split(",") if word.strip()]

    def clean(self, value: Any) -> list[str]:
        """Return the names."""
        return self.to_python(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Return whether the names differ."""
        return self.to_python(initial) != self.to_python(data)


@require_safe
def choices_response(request: HttpRequest) -> JsonResponse:
    """Return the users and teams that match what was typed, as the script of the admin reads them.

    Raises:
        PermissionDenied: the user may not see obligations.
    """
    if not any(request.user.has_perm(f"compliance.{verb}_obligation") for verb in _VERBS):
        raise PermissionDenied
    term = request.GET.get("term", "").strip()
    found: list[Choice] = []
    if len(term) <= LONGEST_SEARCH and "\0" not in term:
        found = responsible_choices(term, reader=reader(request), limit=_MOST)
        if "me" in request.GET and term.lower() in _ME.text:
            found.insert(0, _ME)
    results = [{"id": each.name, "text": each.text} for each in found]
    return JsonResponse({"results": results, "pagination": {"more": False}})
