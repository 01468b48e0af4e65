"""The response to people whose identity provider cannot be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from http import HTTPStatus

import structlog
from allauth.core.exceptions import ImmediateHttpResponse
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from requests import HTTPError, RequestException

from compliance.web.pages import page

log = structlog.get_logger(__name__)

# So long nobody waits for a provider again that did not answer. A hanging one would otherwise
# occupy every thread of the service.
_REMEMBERED_SECONDS = 10

View = Callable[..., HttpResponse]


class UnusableAnswer(RequestException):
    """Raised when the provider answered with something else than what the protocol demands."""


def is_outage(error: Exception | None) -> bool:
    """Return whether an error means that the provider did not answer, or failed itself."""
    if isinstance(error, HTTPError) and error.response is not None:
        return error.response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, RequestException)


def note_outage(request: HttpRequest, protocol: str, error: Exception) -> ImmediateHttpResponse:
    """Remember for a while that the provider does not answer; return what to raise."""
    log.error("identity provider not reachable", protocol=protocol, error=repr(error))
    cache.set(_key(protocol), True, _REMEMBERED_SECONDS)
    return ImmediateHttpResponse(_unreachable(request))


@contextmanager
def reaching(request: HttpRequest, protocol: str, *, failures: type[Exception]) -> Iterator[None]:
    """Run what talks to the provider, unless it did not answer a moment ago.

    Raises:
        ImmediateHttpResponse: one of the failures occurred, now or a moment ago.
    """
    if cache.get(_key(protocol)):
        raise ImmediateHttpResponse(_unreachable(request))
    try:
        yield
    except failures as error:
        raise note_outage(request, protocol, error) from error


def with_discovery(view: View) -> View:
    """Let a view of OpenID Connect, which asks the provider, answer 503 if that fails."""

    @wraps(view)
    def wrapped(request: HttpRequest, provider_id: str) -> HttpResponse:
        with reaching(request, "oidc", failures=RequestException):
            return view(request, provider_id)

    return wrapped


def _key(protocol: str) -> str:
    return f"identity-provider-outage.{protocol}"


def _unreachable(request: HttpRequest) -> HttpResponse:
    response = page(
        request,
        "You cannot be signed in now",
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        lines=["The identity provider is not reachable. Try again later."],
        link=reverse("account_login"),
        link_text="Back to the sign-in page",
    )
    response["Retry-After"] = str(_REMEMBERED_SECONDS)
    return response
