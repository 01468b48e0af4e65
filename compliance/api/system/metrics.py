"""Metrics for Prometheus. They contain no personal data."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from compliance.models.people.readers import SYSTEM, reading_as
from compliance.queries.system import health

_FIGURES = {
    ("sweep", "last_finished_seconds_ago"): (
        "pacta_sweep_age_seconds",
        "Seconds since the sweep last finished.",
    ),
    ("alerts", "oldest_unsent_seconds"): (
        "pacta_oldest_unsent_alert_seconds",
        "Seconds that the oldest unsent alert has waited.",
    ),
    ("quarantined", "deadlines"): (
        "pacta_quarantined_deadlines",
        "Deadlines that could not be projected.",
    ),
    ("ledger", "bad_rows"): (
        "pacta_ledger_bad_rows",
        "Rows that the last ledger check found changed.",
    ),
    ("audit", "problems"): (
        "pacta_audit_problems",
        "Problems that the last alert audit found.",
    ),
}


class _Readiness(Collector):
    def collect(self) -> Iterator[Metric]:
        checks = health.readiness(as_of=timezone.now())
        works = GaugeMetricFamily(
            "pacta_check", "Whether a part of the service works.", labels=["name"]
        )
        for name, check in checks.items():
            works.add_metric([name], float(check.state == "ok"))
        yield works
        for (name, figure), (metric, description) in _FIGURES.items():
            value = checks[name].figure.get(figure) if name in checks else None
            if value is not None:
                yield GaugeMetricFamily(metric, description, value=value)


@require_safe
@reading_as(SYSTEM)
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the figures of /readyz in Prometheus format; always 200."""
    registry = CollectorRegistry()
    registry.register(_Readiness())
    return HttpResponse(
        generate_latest(registry),
        content_type="text/plain; version=0.0.4; charset=utf-8",
        headers={"Cache-Control": "no-store"},
    )
