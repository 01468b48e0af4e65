"""Liveness and readiness for monitoring. No sign-in needed."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from compliance.models.people.readers import SYSTEM, reading_as
from compliance.queries.system import health


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Respond that the process is alive. Nothing else is checked."""
    return JsonResponse({"status": "alive"})


@require_safe
@reading_as(SYSTEM)
def readyz(request: HttpRequest) -> JsonResponse:
    """Report the state of every part of the service; 503 if any part fails."""
    checks = health.readiness(as_of=timezone.now())
    is_ready = all(check.state == "ok" for check in checks.values())
    content = {
        "status": "ready" if is_ready else "not ready",
        "checks": {name: {"state": each.state, **each.figure} for name, each in checks.items()},
    }
    status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse(content, status=status, headers={"Cache-Control": "no-store"})
