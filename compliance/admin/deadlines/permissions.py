"""Permission checks for buttons that apply only to some deadlines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.admin.utils import unquote
from django.http import HttpRequest

from compliance.admin.visible import visible
from compliance.domain.deadlines import recorded_dues
from compliance.domain.due_dates.due_rules import load_due_rule
from compliance.domain.vocabulary import ObligationKind, Status, TargetBound
from compliance.domain.whole_numbers import whole_number
from compliance.models import Deadline


def requires_perm_and(perm: str, applies: Callable[[Deadline], bool]) -> Callable[..., bool]:
    """Return a permission check that also requires that the button applies to the deadline."""

    def has_permission(_: object, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm(perm):
            return False
        deadline = _cached_deadline(request, str(object_id)) if object_id else None
        return deadline is None or applies(deadline)

    return has_permission


def _cached_deadline(request: HttpRequest, object_id: str) -> Deadline | None:
    """Return the deadline of a page, which is queried once for all of its buttons."""
    cache: dict[str, Deadline | None] = request.__dict__.setdefault("deadline_cache", {})
    if object_id not in cache:
        pk = whole_number(unquote(object_id)) or 0
        found = visible(Deadline.objects.select_related("obligation"), request)
        cache[object_id] = found.filter(pk=pk).first()
    return cache[object_id]


def is_achieve(deadline: Deadline) -> bool:
    """Return whether the obligation is to achieve something by the due date."""
    return bool(deadline.obligation.kind == ObligationKind.ACHIEVE.value)


def is_ceiling(deadline: Deadline) -> bool:
    """Return whether measured values must not exceed the target of the obligation."""
    return bool(deadline.obligation.target_bound == TargetBound.AT_MOST.value)


def waits_for_event(deadline: Deadline) -> bool:
    """Return whether the deadline has no date until an event happens that can be recorded."""
    if deadline.status != Status.DORMANT.value:
        return False
    return recorded_dues.waits_for_event(load_due_rule(deadline.obligation.due))
