"""The text that a start ends with: address, login, token and a first request."""

from __future__ import annotations

import sys
from pathlib import Path

from config.env import BASE_DIR, Environment
from standalone.first_start import Credentials

_UNMET = "/api/v1/deadlines/?status=unmet"


def reachable_host(host: str) -> str:
    """Return the host under which this machine reaches a server that listens on `host`."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 -- compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def welcome_text(environment: Environment, credentials: Credentials) -> str:
    """Return what the operator sees once Pacta is running."""
    address = f"http://{reachable_host(environment.host)}:{environment.port}"
    lines = ["", f"Pacta is running at {address}   Ctrl-C stops it."]
    lines.append(login_text(environment, credentials))
    if environment.email_url is None:
        lines.append(f"  mail:  written to {environment.var_dir / 'mail'} (EMAIL_URL is not set)")
    token = credentials.token or "TOKEN"
    lines.append("  list the unmet deadlines:")
    lines.append(f'  curl -H "Authorization: Bearer {token}" "{address}{_UNMET}"\n')
    return "\n".join(lines)


def login_text(environment: Environment, credentials: Credentials) -> str:
    """Return the administrator's login and the API token, or how to get new ones."""
    if credentials.password is None:
        password = f"password unchanged (`{_manage()} changepassword EMAIL` sets a new one)"
    elif environment.admin_password:
        password = "password as set in ADMIN_PASSWORD"
    else:
        password = f"password {credentials.password}"
    token = credentials.token or f"`{_manage()} create_token NAME` creates one"
    return f"  admin: /admin/  {environment.admin_email}  {password}\n  token: {token}"


def _manage() -> str:
    """Return the command that runs manage.py with this Python."""
    python = Path(sys.executable)
    if python.is_relative_to(BASE_DIR):
        python = python.relative_to(BASE_DIR)
    return f"{python} manage.py"
