"""Limit the number of requests per minute: of each token, each signed-in user, each address.

Requests without a valid token are counted by address. Requests with one are counted by token only:
otherwise a stranger who shares the address of an office, or of a proxy, could lock it out.

Account pages are limited for people who are not signed in: what they send is stored for a while.
Those who are signed in are not counted, and API requests are counted apart from them.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from ipaddress import IPv6Address, ip_network

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase
from rest_framework.exceptions import AuthenticationFailed

from compliance.api.authentication import bearer_token
from compliance.api.problems import problem, problem_page, problem_response
from compliance.api.request_counts import WINDOW_SECONDS, Count, Quota, request_counter
from compliance.domain.networks import address
from compliance.domain.phrases import counted
from config.client_addresses import client_address

# A host has a whole network of this size to choose its IPv6 addresses from (RFC 4291, 2.5.1).
_IPV6_PREFIX = 64


class RateLimitMiddleware:
    """Rejects requests beyond the quota with 429, and states the quota in every API response.

    The headers follow the Internet-Draft draft-ietf-httpapi-ratelimit-headers-10: `q` is the
    quota, `w` its window in seconds, `r` what is left of it, `t` the seconds until more is left.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response."""
        if request.path_info.startswith("/account/") and SESSION_KEY not in request.session:
            return self._of_visitor(request)
        if not request.path_info.startswith("/api/"):
            return self.get_response(request)
        try:
            quota, client = _quota_of(request)
        except DatabaseError as error:
            response = problem_response(error, {})
            if response is None:
                raise
            return response
        count = request_counter().count(quota, client)
        response = _too_many(quota, count) if count.is_exceeded else self.get_response(request)
        policy = f'"{quota.kind}"'
        response["RateLimit-Policy"] = f"{policy};q={quota.per_minute};w={WINDOW_SECONDS}"
        response["RateLimit"] = f"{policy};r={count.remaining};t={count.seconds}"
        return response

    def _of_visitor(self, request: HttpRequest) -> HttpResponseBase:
        quota, client = _of_address(request, kind="visitor")
        count = request_counter().count(quota, client)
        if not count.is_exceeded:
            return self.get_response(request)
        line = (
            f"More than {quota.per_minute:,} requests per minute came from your address. Wait for "
            f"{counted(count.seconds, 'second')}."
        )
        response = problem_page(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests", line)
        response["Retry-After"] = str(count.seconds)
        return response


def _quota_of(request: HttpRequest) -> tuple[Quota, str]:
    """Return the quota that applies to a request, and the client to whom it is counted."""
    most = settings.API_REQUESTS_PER_MINUTE
    try:
        token = bearer_token(request)
    except AuthenticationFailed:
        return _of_address(request)
    if token is not None:
        return Quota(kind="token", per_minute=most), str(token.pk)
    if request.user.is_authenticated:
        return Quota(kind="user", per_minute=most), str(request.user.pk)
    return _of_address(request)


def _of_address(request: HttpRequest, *, kind: str = "address") -> tuple[Quota, str]:
    text = client_address(request)
    found = address(text)
    if isinstance(found, IPv6Address):
        text = str(ip_network((found, _IPV6_PREFIX), strict=False))
    return Quota(kind=kind, per_minute=settings.ANONYMOUS_REQUESTS_PER_MINUTE), text


def _too_many(quota: Quota, count: Count) -> HttpResponseBase:
    sentence = (
        f"More than {quota.per_minute:,} requests per minute of one {quota.kind}: wait for "
        f"{counted(count.seconds, 'second')}."
    )
    response = problem(HTTPStatus.TOO_MANY_REQUESTS, sentence)
    response["Retry-After"] = str(count.seconds)
    return response
