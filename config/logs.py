"""Logging: one line per event, in UTC, on standard error, without secret tokens."""

from __future__ import annotations

import logging
from typing import Any

import structlog

from config import secrecy


class OneLine(logging.Filter):
    """Removes the traceback from records about requests that were refused: no error of Pacta."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record pass, without its traceback if the status of the response is 4xx."""
        if getattr(record, "status_code", 500) < 500:
            record.exc_info = None
            record.exc_text = None
        return True


structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
AUDIT_LOGGER = "pacta.audit"

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"one_line": {"()": OneLine}},
    "formatters": {
        "plain": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                secrecy.hide_tokens,
                structlog.processors.KeyValueRenderer(
                    key_order=["timestamp", "level", "event"], drop_missing=True
                ),
            ],
            "foreign_pre_chain": [structlog.stdlib.add_log_level],
        }
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "filters": ["one_line"],
        },
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        # Its messages about an unreadable address contain parts of the secret in it.
        "apprise": {"level": "CRITICAL"},
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        # It reports each request that waits for a thread.
        "waitress.queue": {"level": "ERROR"},
    },
}


def with_audit_log(target: str | None) -> dict[str, Any]:
    """Return the logging configuration, with the audit log as lines of JSON.

    Args:
        target: a file, or `-` for standard error; None switches the lines off. The file may be
            moved away at any time (it is opened again).
    """
    handler: dict[str, Any]
    if target is None:
        handler = {"class": "logging.NullHandler"}
    elif target == "-":
        handler = {"class": "logging.StreamHandler", "formatter": "message"}
    else:
        handler = {
            "class": "logging.handlers.WatchedFileHandler",
            "formatter": "message",
            "filename": target,
            "delay": True,
        }
    return {
        **LOGGING,
        "formatters": {**LOGGING["formatters"], "message": {"format": "%(message)s"}},
        "handlers": {**LOGGING["handlers"], "audit": handler},
        "loggers": {
            **LOGGING["loggers"],
            AUDIT_LOGGER: {"handlers": ["audit"], "level": "INFO", "propagate": False},
        },
    }
