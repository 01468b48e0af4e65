"""Management commands for operators: load_agreement, create_token, sweep and others."""

from __future__ import annotations

import json
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.test import Client

from compliance.models import Agreement, ApiToken, Deadline, Party, User
from config.env import environment
from tests.samples import create_agreement, document, obligation

GENEVA = Path(__file__).parents[2] / "examples" / "geneva-2025.yaml"


def run(command: str, *arguments: str) -> tuple[str, str]:
    """Return what a command prints on standard output and on standard error."""
    out, err = StringIO(), StringIO()
    try:
        call_command(command, *arguments, stdout=out, stderr=err)
    except CommandError as error:
        err.write(f"CommandError: {error} (status {error.returncode})")
    return out.getvalue(), err.getvalue()


@pytest.mark.django_db
def test_loading_a_document_again_adds_nothing(tmp_path: Path) -> None:
    out, err = run("load_agreement", str(GENEVA))
    assert (out.startswith("geneva-2025: stored with 11 obligations"), err) == (True, "")
    out, err = run("load_agreement", str(GENEVA))
    assert (out, err) == ("geneva-2025: nothing new\n", "")
    assert Deadline.objects.filter(status="unmet").count() == 1


@pytest.mark.django_db
def test_each_error_is_printed_on_its_own_line_with_its_path(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        yaml.safe_dump(document("bad", obligation("A", "2026-02-30"), obligation("B", kin="x")))
    )
    good = tmp_path / "good.json"
    good.write_text(Path(tmp_path / "bad.yaml").read_text() and _json(document("good")))
    out, err = run("load_agreement", str(bad), str(good))
    lines = err.splitlines()
    assert lines[0].startswith(f"{bad}: obligations/0/due/on: A, due/on: 2026-02-30 does not exist")
    assert lines[1].startswith(f"{bad}: obligations/1/kin: ")
    assert lines[2] == (
        "CommandError: 1 of 2 files were rejected; nothing in them was stored. (status 1)"
    )
    assert out.startswith("good: stored with 1 obligation,")
    assert [each.ref for each in Agreement.objects.all()] == ["good"]


def _json(value: object) -> str:
    import orjson

    return orjson.dumps(value).decode()


@pytest.mark.django_db
def test_a_refused_document_stores_nothing(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        yaml.safe_dump(document("bad", obligation("A"), obligation("B", obligors=["FRA"])))
    )
    _, err = run("load_agreement", str(bad))
    assert "obligations/1/obligors/0" in err
    assert not Party.objects.exists()


@pytest.mark.django_db
def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    word = tmp_path / "agreement.docx"
    word.write_bytes(b"PK")
    broken = tmp_path / "broken.yml"
    broken.write_bytes(b"a: [1\nb: 2")
    _, err = run("load_agreement", str(word), str(tmp_path / "none.yaml"), str(broken))
    assert f"{word}: The name must end in .yaml" in err
    assert f"{tmp_path / 'none.yaml'}: No such file or directory." in err
    assert f"{broken}: Line 2, column 2" in err


@pytest.mark.django_db
def test_create_token_prints_only_a_token_that_works() -> None:
    User.objects.create_superuser(environment.admin_email, "secret")
    out, err = run("create_token", "dashboard", "--read-only")
    assert (out.count("\n"), err) == (1, "")
    client = Client(headers={"Authorization": f"Bearer {out.strip()}"})
    assert client.get("/api/v1/deadlines/").status_code == 200
    response = client.post("/api/v1/parties/", {}, content_type="application/json")
    assert response.status_code == 403
    assert ApiToken.objects.get().is_read_only


@pytest.mark.django_db
def test_a_token_acts_for_its_user() -> None:
    lee = User.objects.create_user("lee@example.org", "secret")
    run("create_token", "lee's", "--user", "LEE@example.org")
    assert ApiToken.objects.get().user == lee
    assert "already exists" in run("create_token", "lee's", "--user", "lee@example.org")[1]
    assert "does not exist" in run("create_token", "x", "--user", "nobody@example.org")[1]
    assert "does not exist" in run("create_token", "x")[1]


@pytest.mark.django_db
def test_a_sweep_prints_what_it_did() -> None:
    create_agreement(obligation("A"), obligation("B"))
    out, _ = run("sweep")
    assert out.startswith("2 refreshed, 2 breaches, 0 quarantined in ")
    assert run("sweep")[0].startswith("0 refreshed, 0 breaches")


def test_due_rules_are_previewed_line_by_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    lines = (
        b'{"type": "date", "on": "2025-05-14", "timezone": "Asia/Shanghai"}\n'
        b"\n"
        b'{"rule": {"type": "date", "on": "2025-02-30"}}\n'
        b"no json\n"
    )
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(lines)))
    out, err = run("preview_due_rule")
    good, bad, none = (json.loads(line) for line in out.splitlines())
    assert good["deadlines"][0]["due_at"] == "2025-05-14T16:00:00Z"
    assert [each["path"] for each in bad["errors"]] == ["rule/on"]
    assert none["errors"][0]["path"] == ""
    assert err == ""


@pytest.mark.django_db
def test_outdated_due_dates_are_recomputed_once() -> None:
    create_agreement()
    assert run("recompute")[0].strip()
    assert run("recompute")[0].strip() == "Everything is up to date."


def test_the_configuration_passes_the_checks_of_django() -> None:
    # Otherwise no command starts, but tests, which call commands directly, do not notice.
    call_command("check")
