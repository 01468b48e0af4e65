"""The Celery application: two ticks, on two queues.

A slow mail server must not hold up the sweep, so each queue has a worker of its own. A tick that
was not taken before the next one expires: after an outage one sweep catches up, not a thousand.
"""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

app = Celery("pacta")
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
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    task_routes={
        "compliance.tasks.sweep": {"queue": "sweep"},
        "compliance.tasks.deliver": {"queue": "delivery"},
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
    },
)
app.autodiscover_tasks(["compliance"])
