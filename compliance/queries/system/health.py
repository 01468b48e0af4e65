"""Readiness checks for monitoring. They never wait long, and their results contain no addresses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import psycopg
import redis
from django.conf import settings
from django.db import connection

from compliance.queries.system import row_security

Server = psycopg.Connection[tuple[Any, ...]]

_PATIENCE_SECONDS = 2
_OLDEST_ALERT_SECONDS = 15 * 60
_SHORTEST_SWEEP_LIMIT = 60
_SWEEPS_MISSED = 6
_OLDEST_STALE_SECONDS = 60 * 60
_OLDEST_AUDIT_SECONDS = 30 * 60

# An email with more attempts no longer counts as waiting: if only its own server defers it, that
# says nothing about other messages. The delivery log shows it.
_MOST_ATTEMPTS = 4
_PARAMETERS = {
    "patience": timedelta(seconds=_OLDEST_ALERT_SECONDS),
    "most_attempts": _MOST_ATTEMPTS,
}

# Alerts that a silence held back have been waiting only since its end.
_FIGURES = """
SELECT (SELECT max(ended_at) FROM compliance_jobrun WHERE kind = 'sweep'),
    least((SELECT min(greatest(created_at, not_before)) FROM compliance_alert AS a
           WHERE message_id IS NULL AND withdrawn_at IS NULL AND not_before <= now()
             AND NOT EXISTS (
               SELECT FROM compliance_silence AS s
               WHERE s.agreement_id = a.agreement_id
                 AND s.until_at > now() - %(patience)s
                 AND coalesce(s.ended_at, 'infinity') > now() - %(patience)s
                 AND (s.deadline_id IS NULL OR s.deadline_id = a.deadline_id))),
          (SELECT min(created_at) FROM compliance_message
           WHERE state = 'waiting' AND webhook_id IS NULL AND attempt_count < %(most_attempts)s)),
    (SELECT count(*) FROM compliance_deadline WHERE NOT (quarantine_error = '')),
    (SELECT (counts->>'failed')::integer FROM compliance_jobrun
     WHERE kind = 'recomputation' AND ended_at IS NOT NULL
     ORDER BY ended_at DESC, id DESC LIMIT 1),
    (SELECT count(*) FROM compliance_deadline WHERE data_version = ''),
    (SELECT greatest((SELECT max(pgh_created_at) FROM compliance_customcalendarevent),
                     (SELECT max(pgh_created_at) FROM compliance_closingdayevent))),
    ledger_check.ended_at, jsonb_array_length(ledger_check.problems),
    audit.ended_at, jsonb_array_length(audit.problems),
    (SELECT started_at FROM compliance_jobrun WHERE kind = 'sweep' ORDER BY ended_at LIMIT 1)
FROM (SELECT) AS one
LEFT JOIN LATERAL (
    SELECT ended_at, problems FROM compliance_jobrun
    WHERE kind = 'ledger_check' AND ended_at IS NOT NULL
    ORDER BY ended_at DESC, id DESC LIMIT 1) AS ledger_check ON TRUE
LEFT JOIN LATERAL (
    SELECT ended_at, problems FROM compliance_jobrun
    WHERE kind = 'audit' AND ended_at IS NOT NULL
    ORDER BY ended_at DESC, id DESC LIMIT 1) AS audit ON TRUE
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """The state of one part of the service, with its figures."""

    state: Literal["ok", "failing", "unknown"]
    figure: dict[str, Any]


def sweep_limit_seconds() -> int:
    """Return the number of seconds without a run after which the sweep counts as stopped."""
    return max(_SHORTEST_SWEEP_LIMIT, _SWEEPS_MISSED * int(settings.SWEEP_SECONDS))


def readiness(*, as_of: datetime) -> dict[str, Check]:
    """Return all checks. The service is ready if none fails or is unknown."""
    checks = {"broker": _broker()}
    try:
        with _own_connection() as server:
            secured = _row_security(server)
            figures = _figures(server)
        last_sweep, oldest_alert, quarantined, failed, stale, calendar_changed, *rest = figures
        checked_at, bad_rows, audited_at, problems, swept_since = rest
    except (psycopg.Error, OSError):
        unknown = Check(state="unknown", figure={})
        failing = Check(state="failing", figure={})
        return {"database": failing, "row_security": unknown, **checks, "sweep": unknown,
                "alerts": unknown, "quarantined": unknown, "recomputation": unknown,
                "ledger": unknown, "audit": unknown}  # fmt: skip
    sweep_limit = sweep_limit_seconds()
    sweep_age = _age(last_sweep, as_of)
    alert_age = _age(oldest_alert, as_of)
    return {
        "database": Check(state="ok", figure={}),
        "row_security": secured,
        **checks,
        "sweep": Check(
            state="ok" if sweep_age is not None and sweep_age <= sweep_limit else "failing",
            figure={"last_finished_seconds_ago": sweep_age, "limit_seconds": sweep_limit},
        ),
        "alerts": Check(
            state="ok" if alert_age is None or alert_age <= _OLDEST_ALERT_SECONDS else "failing",
            figure={"oldest_unsent_seconds": alert_age, "limit_seconds": _OLDEST_ALERT_SECONDS},
        ),
        # A quarantined deadline waits for a correction of its own data and does not delay others.
        "quarantined": Check(state="ok", figure={"deadlines": quarantined}),
        "recomputation": _recomputation(failed or 0, stale, _age(calendar_changed, as_of)),
        "ledger": _ledger(checked_at, bad_rows, as_of=as_of),
        "audit": _audit(audited_at, problems, swept_since, as_of=as_of),
    }


def _audit(
    audited_at: datetime | None,
    problems: int | None,
    swept_since: datetime | None,
    *,
    as_of: datetime,
) -> Check:
    """Check that the last alert audit was recent and clean.

    The first audit is expected within the usual time after the first sweep.
    """
    age = _age(audited_at, as_of)
    waited = _age(audited_at or swept_since, as_of)
    is_late = waited is not None and waited > _OLDEST_AUDIT_SECONDS
    return Check(
        state="failing" if problems or is_late else "ok",
        figure={
            "last_finished_seconds_ago": age,
            "limit_seconds": _OLDEST_AUDIT_SECONDS,
            "problems": problems or 0,
        },
    )


def _ledger(checked_at: datetime | None, bad_rows: int | None, *, as_of: datetime) -> Check:
    """Report changes found by the last ledger check. This is only a warning: the service works."""
    figure: dict[str, Any] = {
        "last_checked_seconds_ago": _age(checked_at, as_of),
        "bad_rows": bad_rows or 0,
    }
    if bad_rows:
        figure["warning"] = (
            "The last ledger check found changed rows. See the admin, or run verify_ledger."
        )
    return Check(state="ok", figure=figure)


def _recomputation(failed: int, stale: int, stale_age: int | None) -> Check:
    """Report due dates that could not be recomputed. Only a warning: they stay unchanged."""
    warnings = []
    if failed:
        warnings.append(
            "The last recomputation could not compute some due dates. They keep their old values."
        )
    if stale and (stale_age is None or stale_age > _OLDEST_STALE_SECONDS):
        warnings.append("Some due dates have waited for an hour to be recomputed.")
    figure: dict[str, Any] = {"failed": failed, "stale": stale}
    if warnings:
        figure["warning"] = " ".join(warnings)
    return Check(state="ok", figure=figure)


def _own_connection() -> Server:
    # Not from the pool, because the response must not wait for it.
    parameters = {
        **connection.get_connection_params(),
        "connect_timeout": _PATIENCE_SECONDS,
        "cursor_factory": psycopg.Cursor,
        "autocommit": True,
    }
    return psycopg.connect(**parameters)


def _figures(server: Server) -> tuple[Any, ...]:
    with server.transaction():
        # For this transaction, because PgBouncer refuses options when connecting. The policies
        # apply to the owner of the tables, too.
        server.execute(
            "SELECT set_config('statement_timeout', %s, TRUE), "
            "set_config('pacta.reader', 'system', TRUE)",
            [str(_PATIENCE_SECONDS * 1000)],
        )
        found = server.execute(_FIGURES, _PARAMETERS).fetchone()
    if found is None:
        sentence = "A SELECT of scalars always has one row."
        raise RuntimeError(sentence)
    return found


def _row_security(server: Server) -> Check:
    """Check that the policies apply to the requests of those who may not see everything."""
    warning = row_security.fault(server)
    return Check(
        state="ok" if warning is None else "failing",
        figure={} if warning is None else {"warning": warning},
    )


def _broker() -> Check:
    parts = urlsplit(settings.BROKER_URL)
    url = settings.BROKER_URL
    if parts.scheme == "redis+socket":
        # Celery uses another notation than redis-py.
        url = f"unix://{parts.path}"
    try:
        client = redis.Redis.from_url(
            url, socket_timeout=_PATIENCE_SECONDS, socket_connect_timeout=_PATIENCE_SECONDS
        )
        with client:
            client.ping()
    except (redis.RedisError, OSError, ValueError, TypeError):
        return Check(state="failing", figure={})
    return Check(state="ok", figure={})


def _age(instant: datetime | None, as_of: datetime) -> int | None:
    return None if instant is None else max(0, int((as_of - instant).total_seconds()))
