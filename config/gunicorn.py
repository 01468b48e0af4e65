"""The gunicorn configuration, used by `manage.py up` and in the container."""

from typing import Any

from config.env import environment

bind = f"{environment.host}:{environment.port}"
wsgi_app = "config.wsgi"
worker_class = "config.web_worker.WebWorker"
workers = 2
threads = 8
# The application is loaded once, before the workers fork. This halves the start-up time, and an
# invalid configuration ends the process instead of one worker after another.
preload_app = True
timeout = 60
graceful_timeout = 4
loglevel = "warning"
# Unused. Its default path in the home folder is shared by all installations of a user.
control_socket_disable = True


def post_worker_init(_worker: Any) -> None:
    """Start the watch over the queue workers, which must run even when they do not."""
    from compliance.web import outage_watch as watching

    watching.start(every_seconds=environment.watch_seconds)
