"""The Celery application: periodic ticks on four queues.

Each queue has a worker of its own, so that neither a slow mail server nor the recomputation of a
hundred thousand deadlines delays the sweep. A tick expires when the next one is due: after an
outage one sweep catches up, not a thousand.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from kombu import Connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# The admin theme's checks query the database: a worker that starts without it would exit.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

from django.conf import settings

# How soon a change of a custom calendar takes effect.
RECOMPUTE_SECONDS = 30
AUDIT_SECONDS = 5 * 60
HEART_SECONDS = 60
PUBLISH_SECONDS = 10
PRUNE_SECONDS = 5 * 60
# How often to check whether the daily seal or ledger check is due. Beat waits this long after each
# start before its first tick, so the interval must be short.
SEAL_SECONDS = 5 * 60


class _EagerConnection(Connection):
    """Retries a lost broker every few seconds, without giving up.

    By default the pauses grow to half a minute, during which deadlines would pass unnoticed
    although the broker is back. Apart from that, workers and beat recover by themselves (since
    kombu 5.4; see tests/flows/test_outages.py).
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
    # No tick is acknowledged late, so this cancels nothing. If unset, Celery warns at each outage.
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    task_routes={
        "compliance.tasks.sweep": {"queue": "sweep"},
        "compliance.tasks.deliver": {"queue": "delivery"},
        "compliance.tasks.call_webhooks": {"queue": "webhooks"},
        "compliance.tasks.recompute": {"queue": "recompute"},
        # Not on the webhooks queue, where a slow receiver would delay them.
        "compliance.tasks.audit": {"queue": "recompute"},
        "compliance.tasks.beat_heart": {"queue": "recompute"},
        "compliance.tasks.seal": {"queue": "recompute"},
        "compliance.tasks.verify_ledger": {"queue": "recompute"},
        "compliance.tasks.remove_orphaned_files": {"queue": "recompute"},
        "compliance.tasks.prune_job_runs": {"queue": "recompute"},
        "compliance.tasks.prune_sign_ins": {"queue": "recompute"},
        "compliance.tasks.publish_audit_log": {"queue": "recompute"},
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
        "publish_audit_log": {
            "task": "compliance.tasks.publish_audit_log",
            "schedule": PUBLISH_SECONDS,
            "options": {"expires": PUBLISH_SECONDS},
        },
        "remove_orphaned_files": {
            "task": "compliance.tasks.remove_orphaned_files",
            "schedule": crontab(hour="3", minute="17"),
            "options": {"expires": 60 * 60},
        },
        "prune_sign_ins": {
            "task": "compliance.tasks.prune_sign_ins",
            "schedule": PRUNE_SECONDS,
            "options": {"expires": PRUNE_SECONDS},
        },
        "prune_job_runs": {
            "task": "compliance.tasks.prune_job_runs",
            "schedule": crontab(hour="3", minute="37"),
            "options": {"expires": 60 * 60},
        },
    },
)
app.autodiscover_tasks(["compliance"])
