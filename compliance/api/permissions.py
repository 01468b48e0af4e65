"""API permissions: Django's model permissions, and read-only tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Model
from rest_framework.exceptions import MethodNotAllowed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from compliance.models import (
    Agreement,
    Alert,
    ApiToken,
    Breach,
    Deadline,
    Evidence,
    Fact,
    LedgerEntry,
    Obligation,
    Party,
    Position,
    Proposal,
    Silence,
)

_VERBS = {"GET": "view", "HEAD": "view", "POST": "add", "PATCH": "change", "DELETE": "delete"}


class ModelPermissions(BasePermission):
    """Requires `view`, `add`, `change` or `delete` to GET, POST, PATCH or DELETE.

    The permissions are those on all `permission_models`.

    A view whose POST changes a row instead of adding one says so in `post_verb`.

    If a view `stores_nothing`, a POST counts as reading. A read-only token can never write,
    regardless of the permissions of its user.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether the request is permitted.

        Raises:
            PermissionDenied: names the missing permission.
        """
        if not request.user.is_authenticated:
            return False
        method = request.method or ""
        is_read_only = isinstance(request.auth, ApiToken) and request.auth.is_read_only
        only_reads = method in SAFE_METHODS or (method == "POST" and view.stores_nothing)
        if is_read_only and not only_reads:
            sentence = "This token is read-only. Use one that may also write."
            raise PermissionDenied(sentence)
        if method == "OPTIONS":
            return True
        if method not in _VERBS or (method == "DELETE" and view.action is None):
            raise MethodNotAllowed(method)
        verb = "view" if only_reads else _VERBS[method]
        if verb == "add":
            verb = view.post_verb
        if isinstance(request.auth, ApiToken) and request.auth.is_restricted:
            _require_restricted(verb, view.permission_models)
        require_permissions(request, verb, view.permission_models)
        return True


# What belongs to agreements, so that row visibility limits it to those of a token.
_WITHIN_AGREEMENTS = frozenset({
    Alert, Breach, Deadline, Evidence, Fact, LedgerEntry, Obligation, Position, Proposal, Silence,
})  # fmt: skip
_OF_RESTRICTED_TOKENS = frozenset({(Agreement, "view"), (Agreement, "change"), (Party, "view")})


def _require_restricted(verb: str, models: Iterable[type[Model]]) -> None:
    """Check that a token that is limited to some agreements may do this.

    It may read and write what belongs to these agreements, and nothing whose effect goes beyond
    them: users, tokens, subscriptions and webhooks, new agreements, parties and files of others.

    Raises:
        PermissionDenied: it may not.
    """
    for model in models:
        if model not in _WITHIN_AGREEMENTS and (model, verb) not in _OF_RESTRICTED_TOKENS:
            sentence = (
                "This token is limited to some agreements. Use a token without this limit to "
                f"{verb} {model._meta.verbose_name_plural}."
            )
            raise PermissionDenied(sentence)


def require_permissions(request: Request, verb: str, models: Iterable[type[Model]]) -> None:
    """Check that the user may view, add or change rows of all these models.

    Raises:
        PermissionDenied: names the missing permission.
    """
    for model in models:
        name = f"{verb}_{model._meta.model_name}"
        if not request.user.has_perm(f"{model._meta.app_label}.{name}"):
            sentence = f"Your account lacks the permission to {verb} "
            raise PermissionDenied(f"{sentence}{model._meta.verbose_name_plural}.")
