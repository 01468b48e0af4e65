"""agreements/: create, read, correct, and load from a document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from compliance.models import Agreement, Deadline, Obligation, Party
from tests.api.answers import BASE, get, patch, paths, post, rows
from tests.api.conftest import GENEVA
from tests.samples import create_agreement, document, obligation

SUPPLY = {
    "ref": "steel-2026",
    "title": "Steel supply",
    "kind": "contract",
    "signed_on": "2026-01-10",
    "timezone": "Europe/Berlin",
    "calendars": ["DE-BY"],
    "parties": [{"code": "CHN", "role": "supplier"}, {"code": "ACME"}],
}


def load(client: Client, text: bytes | str, kind: str = "application/yaml") -> Any:
    return client.post(f"{BASE}agreements/import/", text, content_type=kind)


def test_create_an_agreement_between_existing_parties(api: Client) -> None:
    create_agreement()
    stored = post(api, "agreements/", SUPPLY)
    assert stored == {
        **SUPPLY,
        "status": "in_force",
        "signed_on_precision": "day",
        "in_force_on": None,
        "in_force_on_precision": None,
        "ends_on": None,
        "ends_on_precision": None,
        "visibility": "everyone",
        "teams": [],
        "requires_approval": False,
        "notification_policy": None,
        "archived_at": None,
        "archived_by": None,
        "archive_reason": None,
        "milestones": [],
        "parties": [{"code": "CHN", "role": "supplier"}, {"code": "ACME", "role": ""}],
    }
    assert get(api, "agreements/steel-2026/") == stored
    assert [row["ref"] for row in rows(api, "agreements/", party="CHN")] == ["steel-2026", "supply"]
    assert rows(api, "agreements/", kind="contract", q="steel") == [stored]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"ref": "Steel 2026"}, "ref"),
        ({"ref": "import"}, "ref"),
        ({"ref": "supply"}, "ref"),
        ({"signed_on": "2026-02-30"}, "signed_on"),
        ({"signed_on": "2026-02-03T00:00:00Z"}, "signed_on"),
        ({"ends_on": "1999-01-01"}, ""),
        ({"timezone": "CET+1"}, "timezone"),
        ({"calendars": ["ATLANTIS"]}, "calendars/0"),
        ({"parties": []}, "parties"),
        ({"parties": [{"code": "FRA"}]}, "parties/0/code"),
        ({"parties": [{"code": "CHN", "part": "x"}]}, "parties/0/part"),
        ({"status": "ended"}, "status"),
    ],
)
def test_an_invalid_agreement_is_refused_at_the_field(
    api: Client, change: dict[str, object], path: str
) -> None:
    create_agreement()
    assert paths(post(api, "agreements/", SUPPLY | change, 400)) == {path}
    assert Agreement.objects.count() == 1


def test_the_status_of_an_agreement_changes_at_midnight_in_its_zone(api: Client) -> None:
    create_agreement()
    fields = SUPPLY | {"in_force_on": "2026-02-01", "ends_on": "2026-03-31"}
    post(api, "agreements/", fields | {"timezone": "Pacific/Auckland"})
    for at, status in (
        (datetime(2026, 1, 31, 10, 59, tzinfo=UTC), "draft"),
        (datetime(2026, 1, 31, 11, 0, tzinfo=UTC), "in_force"),
        (datetime(2026, 3, 31, 10, 59, tzinfo=UTC), "in_force"),
        (datetime(2026, 3, 31, 11, 0, tzinfo=UTC), "expired"),
    ):
        with time_machine.travel(at, tick=False):
            assert get(api, "agreements/steel-2026/")["status"] == status
            assert [row["ref"] for row in rows(api, "agreements/", status=status, q="steel")]


def test_a_patch_keeps_omitted_fields(api: Client) -> None:
    create_agreement()
    stored = post(api, "agreements/", SUPPLY)
    changed = patch(api, "agreements/steel-2026/", {"title": "Steel", "signed_on": None})
    expected: dict[str, Any] = {
        "title": "Steel",
        "signed_on": None,
        "signed_on_precision": None,
        "status": "in_force",
        "warnings": [],
    }
    assert changed == stored | expected


def test_a_party_to_an_obligation_cannot_be_removed(api: Client) -> None:
    create_agreement()
    problem = patch(api, "agreements/supply/", {"parties": [{"code": "ACME"}]}, 400)
    assert paths(problem) == {"parties"}
    assert "O-1" in problem["detail"]


def test_loading_a_document_is_idempotent(api: Client) -> None:
    text = GENEVA.read_bytes()
    first, second = load(api, text), load(api, text)
    assert (first.status_code, second.status_code) == (201, 200)
    counted = {
        "agreement": "geneva-2025",
        "is_new": True,
        "obligations": 11,
        "facts": 9,
        "positions": 2,
        "evidence": 18,
        "warnings": [
            {
                "path": "milestones/0",
                "detail": "The date of milestone london changes nothing: no obligation counts "
                "from it.",
            }
        ],
    }
    assert first.json().items() >= counted.items()
    assert not any(second.json()[name] for name in ("is_new", "obligations", "facts", "evidence"))


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_a_document_can_be_json(api: Client, kind: str) -> None:
    response = api.post(f"{BASE}agreements/import/", document(), content_type=kind)
    assert response.status_code == 201


@pytest.mark.parametrize("kind", ["application/x-yaml", "text/yaml"])
def test_all_yaml_media_types_are_accepted(api: Client, kind: str) -> None:
    assert load(api, GENEVA.read_bytes(), kind).status_code == 201


def test_an_invalid_document_is_refused_with_every_error_and_stores_nothing(api: Client) -> None:
    bad = document(
        "supply",
        obligation("A", "2026-02-30"),
        obligation("B", obligors=["FRA"]),
        obligation("C", tagz=[]),
        timezone="Mars/Olympus",
    )
    problem = post(api, "agreements/import/", bad, 400)
    # The unknown obligor can only be found once the document is well formed.
    assert paths(problem) == {"timezone", "obligations/0/due/on", "obligations/2/tagz"}
    bad["obligations"] = [obligation("A"), obligation("B", obligors=["FRA"])]
    bad["timezone"] = None
    assert paths(post(api, "agreements/import/", bad, 400)) == {"obligations/1/obligors/0"}
    assert not Party.objects.exists()
    assert not Agreement.objects.exists()


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (b"ref: [a\nb: 1", "Line 2, column 2"),
        (b"ref: a\nref: b", "Line 2, column 1: The field ref is given twice."),
        (b"a: &x 1\nb: *x", "anchors"),
        (b"a: !!python/object/apply:os.system [ls]", "tag"),
        (b"a: 1\n---\nb: 1", "only one document"),
        (b"[" * 10_000, "nested"),
        (b"\xff\xfe", "UTF-8"),
        (b"a: \x00", "control characters"),
        (b"# nothing", "a JSON object"),
        (b"- 1", "a JSON object"),
    ],
)
def test_invalid_yaml_is_refused_with_line_and_column(
    api: Client, text: bytes, detail: str
) -> None:
    response = load(api, text)
    assert response.status_code == 400
    assert detail in response.json()["detail"]


def test_yaml_strings_that_look_like_other_types_stay_strings(api: Client) -> None:
    text = """
    format: pacta.agreement/v1
    ref: norway
    title: 'Norway'
    kind: contract
    parties:
      - {code: NOR, name: No, kind: state, country: NO, timezone: Europe/Oslo}
    obligations:
      - ref: O-1
        title: Deliver
        obligors: [NOR]
        obligees: [NOR]
        due: {type: date, on: 2099-03-15, time: 17:00}
    """
    assert load(api, text).status_code == 201
    assert Party.objects.get().country == "NO"
    assert Deadline.objects.get().due_at == datetime(2099, 3, 15, 16, 0, tzinfo=UTC)


def test_a_document_can_be_longer_than_other_bodies_up_to_a_limit(api: Client) -> None:
    long = document(
        "supply",
        obligation(text="x" * 20_000),
        *(obligation(f"O{n}", text="x" * 20_000) for n in range(60)),
    )
    assert post(api, "agreements/import/", long)["obligations"] == 61
    assert load(api, b"# " + b"x" * (8 * 2**20)).status_code == 413


def test_loaded_history_dates_each_status_correctly(api: Client) -> None:
    load(api, GENEVA.read_bytes())
    [breach] = rows(api, "breaches/")
    assert breach["obligation_ref"] == "CN-2d"
    assert breach["occurred_at"] == "2025-05-14T16:00:00Z"
    detected = datetime.fromisoformat(breach["detected_at"])
    assert datetime.now(UTC) - detected < timedelta(minutes=1)
    assert Obligation.objects.count() == 11


def test_the_json_schema_of_documents_is_published(client: Client) -> None:
    schema = client.get(f"{BASE}document-schema/").json()
    assert schema["properties"]["format"]["const"] == "pacta.agreement/v1"
    assert {"format", "ref", "title", "kind", "parties"} <= set(schema["required"])
    assert "signed_on" not in schema["required"]
