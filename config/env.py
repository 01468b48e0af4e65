"""Pacta's environment variables, read once and typed.

A value that cannot be used ends the process with one line that names the variable and says what it
must look like. An empty variable counts as unset.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from environs import Env, EnvError

from compliance.domain.people.group_rules import GroupRules, read_group_rules
from compliance.domain.vocabulary import Role

BASE_DIR = Path(__file__).resolve().parent.parent
_MAIL_ADDRESS = re.compile(r"[^@\s,<>]+@[^@\s,<>]+")
_WEB_ADDRESS = re.compile(r"https?://[^\s/]+\S*")
_SITE = re.compile(r"https?://[^\s/?#@]+/?")
# A key with few different characters is not random.
_SHORTEST_KEY = 32
_FEWEST_CHARACTERS = 8


class BadSetting(SystemExit):
    """A setting cannot be used. Ends the process with one line on standard error."""

    def __init__(self, sentence: str) -> None:
        super().__init__(f"pacta: {sentence}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """The settings of one process.

    Without `database_url` and `redis_url` the embedded servers are used; without `email_url` mails
    are written to files.
    """

    database_url: str | None = field(repr=False)
    redis_url: str | None = field(repr=False)
    secret_key: str | None = field(repr=False)
    secret_key_fallbacks: list[str] = field(repr=False)
    require_mfa: frozenset[Role]
    sso_name: str
    sso_groups: GroupRules
    sso_groups_claim: str
    oidc_issuer: str | None
    oidc_client_id: str
    oidc_client_secret: str = field(repr=False)
    oidc_scopes: list[str]
    saml_metadata_url: str | None
    saml_entity_id: str
    debug: bool
    allowed_hosts: list[str]
    cors_allowed_origins: list[str]
    csrf_trusted_origins: list[str]
    trusted_proxies: list[IPv4Network | IPv6Network]
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
    api_requests_per_minute: int
    anonymous_requests_per_minute: int
    site_url: str
    admin_email: str
    admin_password: str | None = field(repr=False)
    sweep_seconds: int
    recurrence_months: int
    delivery_seconds: int
    delivery_workers: int
    var_dir: Path
    files_dir: Path
    max_file_mb: int
    audit_log: str | None
    session_idle_minutes: int
    session_days: int
    request_seconds: int
    import_seconds: int


def read() -> Environment:
    """Read the process environment.

    Raises:
        BadSetting: a value cannot be used; the sentence names the variable.
    """
    var_dir = Path(_text("VAR_DIR") or BASE_DIR / "var").resolve()
    port = _integer("PORT", 8000, minimum=1, maximum=65535)
    return Environment(
        database_url=_text("DATABASE_URL"),
        redis_url=_text("REDIS_URL"),
        secret_key=_secret_key("SECRET_KEY"),
        secret_key_fallbacks=_list("SECRET_KEY_FALLBACKS"),
        require_mfa=_roles("REQUIRE_MFA"),
        sso_name=_text("SSO_NAME") or "single sign-on",
        sso_groups=_group_rules("SSO_GROUPS"),
        sso_groups_claim=_text("SSO_GROUPS_CLAIM") or "groups",
        oidc_issuer=_web_address("OIDC_ISSUER"),
        oidc_client_id=_text("OIDC_CLIENT_ID") or "",
        oidc_client_secret=_text("OIDC_CLIENT_SECRET") or "",
        oidc_scopes=_list("OIDC_SCOPES", "openid,profile,email"),
        saml_metadata_url=_web_address("SAML_METADATA_URL"),
        saml_entity_id=_text("SAML_ENTITY_ID") or "",
        debug=_boolean("DEBUG"),
        allowed_hosts=_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]"),
        cors_allowed_origins=_list("CORS_ALLOWED_ORIGINS"),
        csrf_trusted_origins=_list("CSRF_TRUSTED_ORIGINS"),
        trusted_proxies=_networks("TRUSTED_PROXIES"),
        host=_text("HOST") or "127.0.0.1",
        port=port,
        email_url=_text("EMAIL_URL"),
        default_from_email=_text("DEFAULT_FROM_EMAIL") or "Pacta <pacta@localhost>",
        seal_email=_mail_address("SEAL_EMAIL"),
        heartbeat_url=_web_address("HEARTBEAT_URL"),
        watch_seconds=_integer("WATCH_SECONDS", 30, minimum=1, maximum=3600),
        mails_per_minute=_rate("MAILS_PER_MINUTE", 0, minimum=0),
        webhook_calls_per_minute=_rate("WEBHOOK_CALLS_PER_MINUTE", 60, minimum=0),
        webhooks_may_be_private=_boolean("WEBHOOKS_MAY_BE_PRIVATE"),
        api_requests_per_minute=_rate("API_REQUESTS_PER_MINUTE", 6_000, minimum=1),
        anonymous_requests_per_minute=_rate("ANONYMOUS_REQUESTS_PER_MINUTE", 600, minimum=1),
        site_url=(_site("SITE_URL") or f"http://127.0.0.1:{port}").rstrip("/"),
        admin_email=_mail_address("ADMIN_EMAIL") or "admin@example.org",
        admin_password=_text("ADMIN_PASSWORD"),
        sweep_seconds=_integer("SWEEP_SECONDS", 5, minimum=1, maximum=3600),
        recurrence_months=_integer("RECURRENCE_MONTHS", 24, minimum=1, maximum=600),
        delivery_seconds=_integer("DELIVERY_SECONDS", 2, minimum=1, maximum=3600),
        delivery_workers=_integer("DELIVERY_WORKERS", 2, minimum=1, maximum=32),
        var_dir=var_dir,
        files_dir=Path(_text("FILES_DIR") or var_dir / "files").resolve(),
        max_file_mb=_integer("MAX_FILE_MB", 25, minimum=1, maximum=1024),
        audit_log=_audit_log("AUDIT_LOG"),
        session_idle_minutes=_integer("SESSION_IDLE_MINUTES", 480, minimum=5, maximum=20_160),
        session_days=_integer("SESSION_DAYS", 14, minimum=1, maximum=90),
        request_seconds=_integer("REQUEST_SECONDS", 5, minimum=1, maximum=3600),
        import_seconds=_integer("IMPORT_SECONDS", 20, minimum=1, maximum=3600),
    )


def _text(name: str) -> str | None:
    return os.environ.get(name) or None


def _secret_key(name: str) -> str | None:
    text = _text(name)
    if text and (len(text) < _SHORTEST_KEY or len(set(text)) < _FEWEST_CHARACTERS):
        sentence = (
            f"{name} is easy to guess: set it to at least {_SHORTEST_KEY} random characters, "
            "such as the output of python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
        raise BadSetting(sentence)
    return text


def _list(name: str, default: str = "") -> list[str]:
    items = (_text(name) or default).split(",")
    return [item.strip() for item in items if item.strip()]


def _networks(name: str) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(each) for each in _list(name)]
    except ValueError:
        sentence = (
            f"{name} is {_text(name)!r}: set it to the addresses or networks of your proxies, such "
            "as 10.0.0.5,10.1.0.0/16"
        )
        raise BadSetting(sentence) from None


def _audit_log(name: str) -> str | None:
    text = _text(name)
    if text is None or text == "-":
        return text
    path = Path(text).resolve()
    if not path.parent.is_dir() or path.is_dir():
        raise BadSetting(f"{name} is {text!r}: set it to a file in an existing folder, or to -")
    return str(path)


def _roles(name: str) -> frozenset[Role]:
    items = _list(name, "nobody")
    if items == ["nobody"]:
        return frozenset()
    if items == ["everyone"]:
        return frozenset(Role)
    try:
        return frozenset(map(Role, items))
    except ValueError:
        sentence = (
            f"{name} is {_text(name)!r}: set it to nobody, everyone or some of the roles "
            f"{', '.join(Role)}, separated by commas"
        )
        raise BadSetting(sentence) from None


def _group_rules(name: str) -> GroupRules:
    try:
        return read_group_rules(_list(name))
    except ValueError as error:
        sentence = (
            f"{name} contains {str(error)!r}: write the group of the provider, = and a role or "
            "team, such as desk-leads=reviewer or desk-asia=team:asia"
        )
        raise BadSetting(sentence) from None


def _rate(name: str, default: int, *, minimum: int) -> int:
    return _integer(name, default, minimum=minimum, maximum=10_000_000)


def _integer(name: str, default: int, *, minimum: int, maximum: int) -> int:
    text = _text(name)
    if text is None:
        return default
    try:
        value: int = Env().int(name)
    except EnvError:
        value = minimum - 1
    if not minimum <= value <= maximum:
        sentence = f"{name} is {text!r}: set it to a whole number from {minimum} to {maximum}"
        raise BadSetting(sentence)
    return value


def _boolean(name: str) -> bool:
    text = _text(name)
    if text is None:
        return False
    try:
        value: bool = Env().bool(name)
    except EnvError:
        sentence = f"{name} is {text!r}: set it to true or false"
        raise BadSetting(sentence) from None
    return value


def _mail_address(name: str) -> str | None:
    text = _text(name)
    if text and not _MAIL_ADDRESS.fullmatch(text):
        sentence = f"{name} is {text!r}: set it to one email address, such as notary@example.org"
        raise BadSetting(sentence)
    return text


def _web_address(name: str) -> str | None:
    text = _text(name)
    if text and not _WEB_ADDRESS.fullmatch(text):
        # The value is not shown: the address of a heartbeat is a secret.
        sentence = f"{name} is not a web address: set it to one such as https://example.org/ping/1"
        raise BadSetting(sentence)
    return text


def _site(name: str) -> str | None:
    text = _text(name)
    if text and not _SITE.fullmatch(text):
        sentence = (
            f"{name} is {text!r}: set it to a scheme and a host without a path, such as "
            "https://pacta.example.org"
        )
        raise BadSetting(sentence)
    return text


environment = read()
