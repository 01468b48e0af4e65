"""The Celery application: its ticks, on four queues.

Neither a slow mail server nor a hundred thousand deadlines to be worked out again must hold up
the sweep, so each queue has a worker of its own. A tick that
was not taken before the next one expires: after an outage one sweep catches up, not a thousand.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from kombu import Connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# The admin theme's checks ask the database: a worker that began without it would end at once.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

from django.conf import settings

# How soon a change of a calendar of the desk is followed up.
RECOMPUTE_SECONDS = 30
AUDIT_SECONDS = 5 * 60
HEART_SECONDS = 60
# How often is looked whether the seal, or the check, of the day is to be made. Often, because
# beat waits this long after each start before it looks for the first time.
SEAL_SECONDS = 5 * 60


class _EagerConnection(Connection):
    """Calls a broker that is away every few seconds, for as long as it takes.

    By default the pauses grow to half a minute, in which deadlines would pass unnoticed although
    the broker is back. Otherwise workers and beat recover by themselves (since kombu 5.4; see
    tests/flows/test_outages.py).
    """

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        return super().ensure_connection(*args, **{**options, "interval_max": 3})


app = Celery("pacta")
app.amqp.Connection = _EagerConnection
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
    },
    result_backend=None,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    enable_utc=True,
    timezone="UTC",
    worker_prefetch_multiplier=1,
    # No tick is acknowledged late, so this cancels nothing; unset, it warns at every outage.
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    task_routes={
        "compliance.tasks.sweep": {"queue": "sweep"},
        "compliance.tasks.deliver": {"queue": "delivery"},
        "compliance.tasks.call_webhooks": {"queue": "webhooks"},
        "compliance.tasks.recompute": {"queue": "recompute"},
        # Not behind the calls of webhooks, which last as long as receivers please.
        "compliance.tasks.audit": {"queue": "recompute"},
        "compliance.tasks.beat_heart": {"queue": "recompute"},
        "compliance.tasks.seal": {"queue": "recompute"},
        "compliance.tasks.verify_ledger": {"queue": "recompute"},
        "compliance.tasks.remove_orphaned_files": {"queue": "recompute"},
    },
    beat_schedule={
        "sweep": {
            "task": "compliance.tasks.sweep",
            "schedule": settings.SWEEP_SECONDS,
            "options": {"expires": settings.SWEEP_SECONDS},
        },
        "deliver": {
            "task": "compliance.tasks.deliver",
            "schedule": settings.DELIVERY_SECONDS,
            "options": {"expires": settings.DELIVERY_SECONDS},
        },
        "call_webhooks": {
            "task": "compliance.tasks.call_webhooks",
            "schedule": settings.DELIVERY_SECONDS,
            "options": {"expires": settings.DELIVERY_SECONDS},
        },
        "recompute": {
            "task": "compliance.tasks.recompute",
            "schedule": RECOMPUTE_SECONDS,
            "options": {"expires": RECOMPUTE_SECONDS},
        },
        "audit": {
            "task": "compliance.tasks.audit",
            "schedule": AUDIT_SECONDS,
            "options": {"expires": AUDIT_SECONDS},
        },
        "beat_heart": {
            "task": "compliance.tasks.beat_heart",
            "schedule": HEART_SECONDS,
            "options": {"expires": HEART_SECONDS},
        },
        "seal": {
            "task": "compliance.tasks.seal",
            "schedule": SEAL_SECONDS,
            "options": {"expires": SEAL_SECONDS},
        },
        "verify_ledger": {
            "task": "compliance.tasks.verify_ledger",
            "schedule": SEAL_SECONDS,
            "options": {"expires": SEAL_SECONDS},
        },
        "remove_orphaned_files": {
            "task": "compliance.tasks.remove_orphaned_files",
            "schedule": crontab(hour="3", minute="17"),
            "options": {"expires": 60 * 60},
        },
    },
)
app.autodiscover_tasks(["compliance"])
