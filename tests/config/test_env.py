"""Environment variables: an invalid value is refused with one line that names the variable."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.core import signing
from django.test import override_settings

from config import env


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("PORT", "eighty", "set it to a whole number from 1 to 65535"),
        ("PORT", "70000", "set it to a whole number from 1 to 65535"),
        ("SWEEP_SECONDS", "0", "set it to a whole number from 1 to 3600"),
        ("MAX_FILE_MB", "2.5", "set it to a whole number from 1 to 1024"),
        ("DEBUG", "maybe", "set it to true or false"),
        ("SEAL_EMAIL", "notary", "set it to one email address"),
        ("ADMIN_EMAIL", "a@b.example, c@d.example", "set it to one email address"),
        ("SITE_URL", "pacta.example.org", "set it to a scheme and a host without a path"),
        ("SITE_URL", "ftp://pacta.example.org", "set it to a scheme and a host without a path"),
        ("SITE_URL", "https://example.org/pacta", "set it to a scheme and a host without a path"),
        ("SITE_URL", "https://ana:pw@example.org", "set it to a scheme and a host without a path"),
        ("SECRET_KEY", "changeme", "set it to at least 32 random characters"),
        ("SECRET_KEY", "x" * 60, "set it to at least 32 random characters"),
    ],
)
def test_an_invalid_value_is_refused_with_its_name_and_advice(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, advice: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(env.BadSetting) as refused:
        env.read()
    message = str(refused.value)
    assert message.startswith(f"pacta: {name} is ")
    assert advice in message
    assert "\n" not in message


def test_the_heartbeat_url_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTBEAT_URL", "ftp://example.org/secret-path")
    with pytest.raises(env.BadSetting, match="HEARTBEAT_URL") as refused:
        env.read()
    assert "secret-path" not in str(refused.value)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "DEBUG", "ALLOWED_HOSTS", "ADMIN_EMAIL", "EMAIL_URL", "MAX_FILE_MB"):
        monkeypatch.setenv(name, "")
    found = env.read()
    assert (found.port, found.debug, found.max_file_mb) == (8000, False, 25)
    assert found.admin_email == "admin@example.org"
    assert found.email_url is None
    assert "localhost" in found.allowed_hosts


def test_what_pacta_writes_is_private(tmp_path: Path) -> None:
    code = (
        "import django; django.setup()\n"
        "from django.core.mail import send_mail\n"
        "send_mail('Missed', 'x', None, ['ana@example.org'])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **{name: value for name, value in os.environ.items() if name != "EMAIL_URL"},
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "VAR_DIR": str(tmp_path / "var"),
        },
        umask=0o022,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    written = [tmp_path / "var", *(tmp_path / "var").rglob("*")]
    assert {path.suffix for path in written} >= {".eml", ""}
    assert [path for path in written if path.stat().st_mode & 0o077] == []


def test_lists_may_contain_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "a.example, b.example ,")
    assert env.read().allowed_hosts == ["a.example", "b.example"]


def test_former_secret_keys_stay_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    former, current = (str(secrets.token_hex(32)) for _ in range(2))
    with override_settings(SECRET_KEY=former):
        signed = signing.dumps("link")
    monkeypatch.setenv("SECRET_KEY_FALLBACKS", f"{former}, other")
    fallbacks = env.read().secret_key_fallbacks
    with override_settings(SECRET_KEY=current, SECRET_KEY_FALLBACKS=fallbacks):
        assert signing.loads(signed) == "link"
    with override_settings(SECRET_KEY=current), pytest.raises(signing.BadSignature):
        signing.loads(signed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://root:hidden-word@localhost/pacta"),
        ("DATABASE_URL", "not a url"),
        ("EMAIL_URL", "http://user:hidden-word@mail.example.org"),
        ("EMAIL_URL", "mail.example.org"),
        ("EMAIL_URL", "smtp://user:hidden-word@mail.example.org:99999"),
    ],
)
def test_settings_refuse_a_url_with_the_wrong_scheme(tmp_path: Path, name: str, value: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        env={**os.environ, "VAR_DIR": str(tmp_path), name: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert finished.stderr.startswith(f"pacta: {name} must look like ")
    assert len(finished.stderr.splitlines()) == 1
    assert "hidden-word" not in finished.stderr
