"""parties/: create, read and correct."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from pghistory.models import Events

from compliance.models import Deadline, Party, User
from tests.api.answers import get, patch, paths, post, rows
from tests.samples import create_agreement, obligation

FRANCE = {
    "code": "FRA",
    "name": "France",
    "kind": "state",
    "country": "FR",
    "timezone": "Europe/Paris",
}


def test_a_created_party_can_be_read(api: Client) -> None:
    response = api.post("/api/v1/parties/", FRANCE, content_type="application/json")
    stored = FRANCE | {"retired_at": None, "merged_into": None, "retire_reason": None}
    assert (response.status_code, response.json()) == (201, stored)
    assert response["Location"] == "http://testserver/api/v1/parties/FRA/"
    assert get(api, "parties/FRA/") == stored
    assert rows(api, "parties/", kind="state", country="FR", q="ranc") == [stored]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"code": "fra"}, "code"),
        ({"code": "A" * 33}, "code"),
        ({"name": ""}, "name"),
        ({"name": "Fr\x00ance"}, "name"),
        ({"name": "Fr\nance"}, "name"),
        ({"kind": "empire"}, "kind"),
        ({"country": "FRA"}, "country"),
        ({"timezone": "Europe/Pariss"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": "+02:00"}, "timezone"),
        ({"timezone": None, "country": "CN"}, "timezone"),
        ({"timezone": None, "country": None}, "timezone"),
        ({"populace": 67}, "populace"),
    ],
)
def test_an_invalid_party_is_refused_at_the_field(
    api: Client, change: dict[str, object], path: str
) -> None:
    problem = post(api, "parties/", FRANCE | change, 400)
    assert paths(problem) == {path}
    assert problem["detail"].endswith((".", "?")) or "form" in problem["detail"]
    assert not Party.objects.exists()


def test_a_duplicate_code_is_refused(api: Client) -> None:
    post(api, "parties/", FRANCE)
    assert paths(post(api, "parties/", FRANCE, 400)) == {"code"}


def test_a_patch_names_only_changed_fields(api: Client) -> None:
    post(api, "parties/", FRANCE)
    assert patch(api, "parties/FRA/", {"name": "French Republic"}) == FRANCE | {
        "name": "French Republic",
        "retired_at": None,
        "merged_into": None,
        "retire_reason": None,
    }
    assert paths(patch(api, "parties/FRA/", {"code": "DEU"}, 400)) == {"code"}
    assert paths(patch(api, "parties/FRA/", {"nom": "x"}, 400)) == {"nom"}
    patch(api, "parties/XXX/", {"name": "x"}, 404)


def test_a_corrected_zone_moves_the_deadlines_that_use_it(api: Client) -> None:
    deadline = create_agreement(obligation(due_on="2099-03-15"))
    patch(api, "parties/CHN/", {"timezone": "Asia/Tokyo"})
    row = get(api, f"deadlines/{deadline.pk}/")
    assert (row["timezone"], row["due_at"]) == ("Asia/Tokyo", "2099-03-15T15:00:00Z")
    assert Deadline.objects.get().due_at == datetime(2099, 3, 15, 15, tzinfo=UTC)


def test_the_history_records_who_changed_a_party(api: Client, desk: User) -> None:
    post(api, "parties/", FRANCE)
    patch(api, "parties/FRA/", {"name": "French Republic"})
    event = Events.objects.tracks(Party.objects.get()).get(pgh_label="update")
    assert event.pgh_context["user"] == desk.pk
    assert event.pgh_context["url"] == "/api/v1/parties/FRA/"


def test_parties_are_listed_by_code_in_pages(api: Client) -> None:
    for code in ("C", "A", "B"):
        post(api, "parties/", FRANCE | {"code": code})
    page = get(api, "parties/", page_size=2)
    assert [row["code"] for row in page["results"]] == ["A", "B"]
    assert [row["code"] for row in api.get(page["next"]).json()["results"]] == ["C"]
