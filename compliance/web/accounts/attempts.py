"""Attempts to sign in, as seen by the browser: known browsers, and the page of a lock."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from math import ceil

from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from compliance.domain.people.lockouts import Attempt, Proof, account_key
from compliance.domain.phrases import in_utc
from compliance.operations.people import lockouts
from compliance.web.pages import page
from config.client_addresses import client_address

_SALT = "pacta.device"
_DEVICE_AGE = timedelta(days=365)


class Failed(Exception):
    """Raised in the block of `counted` if the proof was wrong. It does not leave the block."""


@contextmanager
def counted(request: HttpRequest, *, account: str, proof: Proof) -> Iterator[None]:
    """Count an attempt before the block checks its proof, and forget it if the block succeeds.

    A block that raises has failed. `Failed` ends it without an error.

    Raises:
        ImmediateHttpResponse: the attempt is locked. The proof was not looked at, so neither the
            response nor the time that it takes depends on it.
    """
    attempt = attempt_of(request, account=account, proof=proof)
    ends_at = lockouts.count(attempt, as_of=timezone.now())
    if ends_at is not None:
        raise ImmediateHttpResponse(locked(request, ends_at))
    try:
        yield
    except Failed:
        return
    lockouts.forget(attempt)


def attempt_of(request: HttpRequest, *, account: str, proof: Proof) -> Attempt:
    """Return the attempt that a request makes to use an account, which may not exist."""
    key = account_key(account)
    return Attempt(
        proof=proof,
        account=key,
        address=client_address(request),
        device=None if proof is Proof.LINK_REQUEST else _known_device(request, key),
    )


def remember_device(response: HttpResponse, *, account: str) -> None:
    """Mark the browser as one in which the owner of an account has signed in."""
    key = account_key(account)
    response.set_cookie(
        _cookie_name(key),
        signing.dumps([key, secrets.token_urlsafe(12)], salt=_SALT, compress=True),
        max_age=_DEVICE_AGE,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def locked(request: HttpRequest, ends_at: datetime) -> HttpResponse:
    """Return the page that says when to try again. It depends on neither proof nor account."""
    # Rounded up, so that the sign-in works at the time on the page.
    shown = ends_at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    response = page(
        request,
        "Too many failed sign-ins",
        status=HTTPStatus.TOO_MANY_REQUESTS,
        lines=[
            "Signing in to this account from here is locked. Try again after "
            f"{in_utc(shown)}, or sign in from a browser that you have used before.",
        ],
        link=reverse("account_reset_password"),
        link_text="Forgot your password?",
    )
    seconds = (ends_at - timezone.now()).total_seconds()
    response["Retry-After"] = str(max(1, ceil(seconds)))
    return response


def _known_device(request: HttpRequest, key: str) -> str | None:
    text = request.COOKIES.get(_cookie_name(key))
    if text is None:
        return None
    try:
        account, device = signing.loads(text, salt=_SALT, max_age=_DEVICE_AGE)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return str(device) if account == key else None


def _cookie_name(key: str) -> str:
    # One cookie per account, so that people who share a browser do not forget each other.
    name = salted_hmac(_SALT, key, algorithm="sha256").hexdigest()[:16]
    return f"{settings.COOKIE_PREFIX}device_{name}"
