"""The processes that make up Pacta, apart from PostgreSQL and the broker."""

from __future__ import annotations

import sys

from config.env import environment
from standalone.supervisor import Program

# Celery warns root about tasks that run any code they are sent. Ours arrive as JSON and take no
# arguments, so the warning is suppressed; the welcome text must be the last thing on the screen.
_CELERY = (
    sys.executable, "-W", "ignore:You're running the worker with superuser privileges",
    "-m", "celery", "--quiet", "--app", "config",
)  # fmt: skip


def programs() -> list[Program]:
    """Return the web server, the workers of each queue, and beat, which sends the ticks."""
    return [
        Program(
            name="web", command=[sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn"]
        ),
        _worker("sweep"),
        # A tick goes to any one of these. While it sends, the next tick goes to another.
        *(_worker("delivery", number) for number in range(1, environment.delivery_workers + 1)),
        _worker("webhooks"),
        _worker("recompute"),
        # Fixed intervals need no schedule file, and `kill -9` can corrupt a schedule file.
        Program(
            name="beat",
            command=[*_CELERY, "beat", "--scheduler=celery.beat:Scheduler", "--loglevel=WARNING"],
        ),
    ]


def _worker(queue: str, number: int = 1) -> Program:
    name = queue if number == 1 else f"{queue}-{number}"
    # Workers share only the database, so they need not communicate with each other.
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=WARNING"]
    options = [f"--queues={queue}", f"--hostname={name}@%h", "--pool=solo", *quiet]
    return Program(name=name, command=[*_CELERY, "worker", *options])
