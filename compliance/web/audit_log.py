"""Record sign-ins, sign-outs and refusals in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from http import HTTPStatus
from typing import Any

import structlog
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from compliance.domain.email_addresses import email_address
from compliance.domain.vocabulary import AuditAction
from compliance.models import User
from compliance.operations.system import audit_log
from config.client_addresses import client_address
from config.secrecy import request_id, without_tokens

log = structlog.get_logger(__name__)

_REFUSALS = frozenset({
    HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS,
})  # fmt: skip
_LONGEST_PATH = 300


class AuditMiddleware:
    """Records refused requests."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code in _REFUSALS and _shows_credentials(request, response):
            _record(
                request,
                AuditAction.REFUSED,
                actor=_user(request),
                status=int(response.status_code),
                method=request.method or "",
            )
        return response


def _shows_credentials(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Return whether a refusal is about somebody. Nothing is learnt from anonymous visitors."""
    is_anonymous = response.status_code == HTTPStatus.UNAUTHORIZED
    return not is_anonymous or "Authorization" in request.headers


def connect() -> None:
    """Record every sign-in, sign-out and failed sign-in. Called once, when Django is ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_sign_in_failed, dispatch_uid="audit")


def _signed_in(*, request: HttpRequest | None, user: Any, **_: Any) -> None:
    _record(request, AuditAction.SIGNED_IN, actor=user, account=user)


def _signed_out(*, request: HttpRequest | None, user: Any, **_: Any) -> None:
    if isinstance(user, User):
        _record(request, AuditAction.SIGNED_OUT, actor=user, account=user)


def _sign_in_failed(
    *, credentials: Mapping[str, Any], request: HttpRequest | None = None, **_: Any
) -> None:
    given = credentials.get("username") or credentials.get("email") or credentials.get("login")
    name = str(given or "")
    account = User.objects.filter(email__iexact=name).first() if name else None
    if account is not None:
        _record(request, AuditAction.SIGN_IN_FAILED, account=account)
        return
    try:
        shown = email_address(name)
    except ValueError:  # it might be a password that was typed into the wrong field
        shown = ""
    _record(request, AuditAction.SIGN_IN_FAILED, name=shown)


def _record(
    request: HttpRequest | None,
    action: AuditAction,
    *,
    actor: User | None = None,
    account: User | None = None,
    **details: Any,
) -> None:
    if request is not None and request.path:
        details["path"] = without_tokens(request.path)[:_LONGEST_PATH]
    try:
        # One statement: only inside of a transaction, its failure must be undone by itself.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            audit_log.record(
                action=action,
                actor=actor,
                account=account,
                address="" if request is None else client_address(request),
                request_id="" if request is None else request_id(request),
                details=details,
                as_of=timezone.now(),
            )
    except DatabaseError as error:
        # The request was answered; that it could not be recorded must not change the answer.
        log.error("not recorded in the audit log", action=action.value, error=str(error))


def _user(request: HttpRequest) -> User | None:
    user = getattr(request, "user", None)
    return user if isinstance(user, User) and user.is_authenticated else None
