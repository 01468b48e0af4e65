"""Reject addresses that no page can use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from unicodedata import category

from django.apps import apps
from django.core.exceptions import BadRequest, ValidationError
from django.http import Http404, HttpRequest, HttpResponseBase


class BadAddressMiddleware:
    """Answers 404 for addresses that no row can have, and 400 for query strings with NUL.

    No address of Pacta contains a control character. The admin looks up any text in an address as
    an id, and uses any parameter of a list as a filter. PostgreSQL fails on NUL, and on numbers
    beyond 2**63. The API checks both itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response.

        Raises:
            BadRequest: the query string contains NUL.
        """
        if _is_admin(request) and "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        _view: Callable[..., Any],
        _args: Sequence[Any],
        captured: Mapping[str, Any],
    ) -> None:
        """Check the address, and the id in it.

        Raises:
            Http404: no page has this address, or no row can have this id.
        """
        # Secret links and feeds give the same 404 for every wrong token, and check it themselves.
        is_secret = "token" in captured
        if not is_secret and any(category(each) == "Cc" for each in request.path_info):
            raise Http404
        if not _is_admin(request):
            return
        # No row has a page outside the admin, and looking for one fails if its table is virtual.
        if request.path_info.startswith("/admin/r/"):
            raise Http404
        key = _key_of_page(request)
        if key is None or "object_id" not in captured:
            return
        try:
            key.run_validators(key.to_python(str(captured["object_id"])))
        except ValidationError as error:
            raise Http404 from error


def _key_of_page(request: HttpRequest) -> Any:
    """Return the primary key of the model that a page of the admin is about, if any."""
    # /admin/compliance/deadline/5/change/. Not every page of a model has a name.
    match request.path_info.split("/"):
        case ["", "admin", app_label, model_name, *_]:
            try:
                return apps.get_model(app_label, model_name)._meta.pk
            except LookupError:
                return None
    return None


def _is_admin(request: HttpRequest) -> bool:
    return request.path_info.startswith("/admin/")
