"""Rights that a button asks for beyond those on its own page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest


def right(*names: str) -> Callable[..., bool]:
    """A method that says whether the user has all of some rights, such as `compliance.add_fact`.

    The theme also takes the bare name of a right, but then asks the database for it while it
    checks the project: before the tables of a new installation exist.
    """

    def has_right(_: object, request: HttpRequest, __: Any = None) -> bool:
        return bool(request.user.has_perms(names))

    return has_right
