"""How gunicorn serves the web, under `manage.py up` and in the container alike."""

from typing import Any

from config.env import environment

bind = f"{environment.host}:{environment.port}"
wsgi_app = "config.wsgi"
worker_class = "gthread"
workers = 2
threads = 8
# Loaded once, before the workers fork: it starts in half the time, and a broken
# configuration ends the process instead of one worker after the other.
preload_app = True
timeout = 60
graceful_timeout = 4
keepalive = 5
loglevel = "warning"
# Nobody uses it, and it would lie in the home folder, the same one for every installation.
control_socket_disable = True


def post_worker_init(_worker: Any) -> None:
    """Watch over the workers of the queues: this process is there when they are not."""
    from compliance.web import outage_watch as watching

    watching.start(every_seconds=environment.watch_seconds)
