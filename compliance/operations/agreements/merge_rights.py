"""Who may merge parties."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied

from compliance.models.people.readers import current_reader


def may_merge() -> bool:
    """Return whether the user sees everything that a merge could change.

    A merge that others could try would reveal agreements that they do not see, or change them.
    """
    return not current_reader().is_limited


def check_may_merge() -> None:
    """Check that the user may merge parties.

    Raises:
        PermissionDenied: there may be agreements that the user does not see.
    """
    if not may_merge():
        sentence = (
            "Only administrators can merge parties, because they see every agreement of both."
        )
        raise PermissionDenied(sentence)
