"""The processes that Pacta consists of, besides its servers."""

from __future__ import annotations

import sys

from config.supervisor import Program

# Quiet, so that the welcome is the last thing on the screen. What celery warns root of, tasks that
# run any code they are sent, cannot happen: ours arrive as JSON and take no arguments.
_CELERY = (
    sys.executable, "-W", "ignore:You're running the worker with superuser privileges",
    "-m", "celery", "--quiet", "--app", "config",
)  # fmt: skip


def programs() -> list[Program]:
    """The web, a worker for each queue, and the beat that makes them tick."""
    return [
        Program(
            name="web", command=[sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn"]
        ),
        _worker("sweep"),
        _worker("delivery"),
        _worker("webhooks"),
        _worker("recompute"),
        # Plain intervals need no schedule file, and a file can break under `kill -9`.
        Program(
            name="beat",
            command=[*_CELERY, "beat", "--scheduler=celery.beat:Scheduler", "--loglevel=WARNING"],
        ),
    ]


def _worker(queue: str) -> Program:
    # One process per queue: what workers tell each other would be idle talk.
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=WARNING"]
    options = [f"--queues={queue}", f"--hostname={queue}@%h", "--pool=solo", *quiet]
    return Program(name=queue, command=[*_CELERY, "worker", *options])
