"""Permission checks for buttons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest


def requires_perms(*names: str) -> Callable[..., bool]:
    """Return a `has_..._permission` method that requires all of the named permissions.

    Names include the app, such as `compliance.add_fact`. The theme also accepts a permission name
    in place of a method, but then queries the database during system checks, when a new
    installation has no tables yet.
    """

    def has_permission(_: object, request: HttpRequest, __: Any = None) -> bool:
        return bool(request.user.has_perms(names))

    return has_permission
