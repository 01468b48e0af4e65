"""Everything Pacta takes from its environment, read once, typed.

A value that cannot be read stops start-up with the variable's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from environs import Env, EnvError

BASE_DIR = Path(__file__).resolve().parent.parent


class BadSetting(SystemExit):
    """A setting cannot be used. Ends the process, whichever it is, with one line on stderr."""

    def __init__(self, sentence: str) -> None:
        super().__init__(f"pacta: {sentence}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """The settings of one process. Unset URLs mean the embedded servers, or files for mail."""

    database_url: str | None = field(repr=False)
    redis_url: str | None = field(repr=False)
    secret_key: str | None = field(repr=False)
    debug: bool
    allowed_hosts: list[str]
    cors_allowed_origins: list[str]
    csrf_trusted_origins: list[str]
    host: str
    port: int
    email_url: str | None = field(repr=False)
    default_from_email: str
    seal_email: str | None
    heartbeat_url: str | None = field(repr=False)
    watch_seconds: int
    mails_per_minute: int
    webhook_calls_per_minute: int
    webhooks_may_be_private: bool
    site_url: str
    admin_email: str
    admin_password: str | None = field(repr=False)
    sweep_seconds: int
    recurrence_months: int
    delivery_seconds: int
    var_dir: Path
    files_dir: Path
    max_file_mb: int


def _between(minimum: int, maximum: int) -> Callable[[int], None]:
    def check(value: int) -> None:
        if not minimum <= value <= maximum:
            sentence = f"must lie between {minimum} and {maximum}"
            raise EnvError(sentence)

    return check


def _address(value: str) -> None:
    if value and not re.fullmatch(r"[^@\s,<>]+@[^@\s,<>]+", value):
        sentence = "must be one mail address, such as notary@example.org"
        raise EnvError(sentence)


def _web_address(value: str) -> None:
    if value and not re.fullmatch(r"https?://[^\s/]+\S*", value):
        sentence = "must be a web address, such as https://example.org/ping/1234"
        raise EnvError(sentence)


def read() -> Environment:
    """Read the process environment.

    Raises:
        BadSetting: a value is not of its kind; the sentence names the variable.
    """
    env = Env()
    try:
        var_dir = Path(env.str("VAR_DIR", "") or BASE_DIR / "var").resolve()
        port = env.int("PORT", 8000, validate=_between(1, 65535))
        return Environment(
            database_url=env.str("DATABASE_URL", "") or None,
            redis_url=env.str("REDIS_URL", "") or None,
            secret_key=env.str("SECRET_KEY", "") or None,
            debug=env.bool("DEBUG", False),
            allowed_hosts=env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"]),
            cors_allowed_origins=env.list("CORS_ALLOWED_ORIGINS", []),
            csrf_trusted_origins=env.list("CSRF_TRUSTED_ORIGINS", []),
            host=env.str("HOST", "127.0.0.1"),
            port=port,
            email_url=env.str("EMAIL_URL", "") or None,
            default_from_email=env.str("DEFAULT_FROM_EMAIL", "Pacta <pacta@localhost>"),
            seal_email=env.str("SEAL_EMAIL", "", validate=_address) or None,
            heartbeat_url=env.str("HEARTBEAT_URL", "", validate=_web_address) or None,
            watch_seconds=env.int("WATCH_SECONDS", 30, validate=_between(1, 3600)),
            mails_per_minute=env.int("MAILS_PER_MINUTE", 0, validate=_between(0, 1_000_000)),
            webhook_calls_per_minute=env.int(
                "WEBHOOK_CALLS_PER_MINUTE", 60, validate=_between(0, 1_000_000)
            ),
            webhooks_may_be_private=env.bool("WEBHOOKS_MAY_BE_PRIVATE", False),
            site_url=env.str("SITE_URL", f"http://127.0.0.1:{port}").rstrip("/"),
            admin_email=env.str("ADMIN_EMAIL", "admin@example.org"),
            admin_password=env.str("ADMIN_PASSWORD", "") or None,
            sweep_seconds=env.int("SWEEP_SECONDS", 5, validate=_between(1, 3600)),
            recurrence_months=env.int("RECURRENCE_MONTHS", 24, validate=_between(1, 600)),
            delivery_seconds=env.int("DELIVERY_SECONDS", 2, validate=_between(1, 3600)),
            var_dir=var_dir,
            files_dir=Path(env.str("FILES_DIR", "") or var_dir / "files").resolve(),
            max_file_mb=env.int("MAX_FILE_MB", 25, validate=_between(1, 1024)),
        )
    except EnvError as error:
        raise BadSetting(str(error).rstrip(".")) from None


environment = read()
