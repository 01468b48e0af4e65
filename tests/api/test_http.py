"""HTTP: ETags and 304, what may be cached, compression, HEAD, links, and problems everywhere."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from compliance.api.urls import urlpatterns
from compliance.models import Agreement, Deadline, Team, User
from compliance.operations.people.tokens import create_token
from tests.api.answers import BASE, JSON
from tests.api.conftest import client_of
from tests.api.test_errors import is_problem
from tests.samples import create_agreement, record
from tests.shared_worlds import in_one_world

SINGLE = (
    "parties/CHN/", "agreements/supply/", "obligations/{obligation}/", "deadlines/{deadline}/",
    "deadlines/{deadline}/timeline/", "deadlines/{deadline}/history/", "deadlines/{deadline}/why/",
    "obligations/{obligation}/consequences/", "users/me/", "users/{user}/", "tokens/{token}/",
    "document-schema/", "", "summary/", "deadlines/", "facts/", "agreements/",
)  # fmt: skip
SECRET = ("users/me/", "users/", "tokens/", "teams/", "webhooks/", "calendar-feeds/", "audit/")


@pytest.fixture
def addresses(desk: User, api: Client, supply: Deadline) -> dict[str, int]:
    """Keys of rows for the addresses in `SINGLE`."""
    keys = {"deadline": supply.pk, "obligation": supply.obligation_id, "user": desk.pk}
    return {**keys, "token": desk.api_tokens.get().pk}


@in_one_world("path", SINGLE)
def test_what_has_not_changed_is_not_sent_again(
    api: Client, addresses: dict[str, int], path: str
) -> None:
    address = BASE + path.format(**addresses)
    first = api.get(address)
    assert first.status_code == 200
    tag = first["ETag"]
    again = api.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert again["Cache-Control"] == first["Cache-Control"]
    assert "RateLimit" in again
    assert api.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


def test_an_etag_is_found_among_others_weak_or_strong(api: Client, supply: Deadline) -> None:
    address = f"{BASE}deadlines/{supply.pk}/"
    tag = api.get(address)["ETag"]
    for wanted in (f"W/{tag}", f'"other", {tag}', "*"):
        assert api.get(address, headers={"If-None-Match": wanted}).status_code == 304
        assert api.head(address, headers={"If-None-Match": wanted}).status_code == 304
    for wanted in ("nonsense", "", tag.strip('"'), f'{tag[:-2]}"'):
        assert api.get(address, headers={"If-None-Match": wanted}).status_code == 200
    head = api.head(address)
    assert (head.status_code, head.content, head["ETag"]) == (200, b"", tag)


def test_every_change_that_a_reader_sees_changes_the_etag(api: Client, supply: Deadline) -> None:
    address = f"{BASE}deadlines/{supply.pk}/"
    before = api.get(address)["ETag"]
    Agreement.objects.update(ref="renamed")
    renamed = api.get(address)["ETag"]
    record(supply, as_of=supply.status_since, type="performance", on="2025-01-01")
    performed = api.get(address, headers={"If-None-Match": f"{before}, {renamed}"})
    assert performed.status_code == 200
    assert len({before, renamed, performed["ETag"]}) == 3


def test_a_change_that_a_reader_cannot_see_leaves_the_etag(supply: Deadline) -> None:
    Team.objects.create(slug="asia", name="Asia")
    foreign = create_agreement(ref="foreign", visibility="teams", teams=["asia"])
    stranger = User.objects.create_user("stranger@example.org", "secret")
    stranger.groups.add(Group.objects.get(name="viewer"))
    client = client_of(stranger)
    before = {path: client.get(BASE + path)["ETag"] for path in ("deadlines/", "summary/")}
    record(foreign, as_of=foreign.status_since, type="performance", on="2026-01-05")
    for path, tag in before.items():
        again = client.get(BASE + path, headers={"If-None-Match": tag})
        assert (again.status_code, again["ETag"]) == (304, tag)
    for tag in ('"x"', "*"):
        hidden = client.get(f"{BASE}deadlines/{foreign.pk}/", headers={"If-None-Match": tag})
        assert is_problem(hidden, 404)


def test_the_timeline_keeps_its_etag_while_only_the_time_passes(
    api: Client, supply: Deadline
) -> None:
    address = f"{BASE}deadlines/{supply.pk}/timeline/"
    first, second = api.get(address), api.get(address)
    assert first.content != second.content
    assert first["ETag"] == second["ETag"]
    assert first["ETag"].startswith("W/")
    moment = {"as_of": "2026-03-01T00:00:00Z", "known_at": "2026-06-01T00:00:00Z"}
    assert api.get(address, moment)["ETag"].startswith('"')


def test_programs_may_keep_what_they_read_and_browsers_may_not(
    api: Client, supply: Deadline, desk: User
) -> None:
    assert api.get(f"{BASE}deadlines/")["Cache-Control"] == "private, no-cache"
    for path in SECRET:
        assert api.get(BASE + path)["Cache-Control"] == "no-store", path
    assert api.get(f"{BASE}deadlines/0/")["Cache-Control"] == "no-store"
    made = api.post(f"{BASE}tokens/", {"name": "x", "is_read_only": True}, content_type=JSON)
    assert made["Cache-Control"] == "no-store"
    assert "ETag" not in made
    browser = Client()
    browser.force_login(desk)
    assert browser.get(f"{BASE}deadlines/")["Cache-Control"] == "no-store"


def test_responses_vary_by_who_asks_and_for_which_form(api: Client, supply: Deadline) -> None:
    vary = {each.strip() for each in api.get(f"{BASE}deadlines/")["Vary"].split(",")}
    assert {"Accept", "Authorization", "Cookie", "Accept-Encoding"} <= vary


def test_text_is_compressed_for_programs_and_not_for_sessions(
    api: Client, supply: Deadline, desk: User
) -> None:
    accepting = {"Accept-Encoding": "gzip, br"}
    plain, packed = (api.get(f"{BASE}deadlines/", headers=each) for each in ({}, accepting))
    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert packed["ETag"] == f"W/{plain['ETag']}"
    wanted = {**accepting, "If-None-Match": packed["ETag"]}
    assert api.get(f"{BASE}deadlines/", headers=wanted).status_code == 304
    browser = Client()
    browser.force_login(desk)
    assert "Content-Encoding" not in browser.get(f"{BASE}deadlines/", headers=accepting)


def test_lists_name_their_next_page_in_a_header(api: Client) -> None:
    create_agreement()
    create_agreement(ref="second")
    first = api.get(f"{BASE}agreements/", {"page_size": 1})
    assert first["Link"] == f'<{first.json()["next"]}>; rel="next"'
    assert "Link" not in api.get(f"{BASE}agreements/")


def test_every_address_that_can_be_read_answers_head(api: Client) -> None:
    for pattern in urlpatterns:
        if "<" in str(pattern.pattern) or pattern.name in {"schema", "docs"}:
            continue
        address = f"{BASE}{pattern.pattern}"
        read, head = api.get(address), api.head(address)
        assert head.status_code == read.status_code, address
        assert head.content == b""
        assert head["Content-Type"] == read["Content-Type"], address


REFUSALS: dict[str, tuple[int, Any]] = {
    "an unknown address": (404, ("GET", "nothing/", {})),
    "an unknown version": (404, ("GET", "../v9/parties/", {})),
    "a row that does not exist": (404, ("GET", "deadlines/1/", {})),
    "another method": (405, ("PUT", "parties/", {})),
    "another method of the schema": (405, ("POST", "schema/", {})),
    "a format that is not served": (406, ("GET", "parties/", {"Accept": "text/html"})),
    "a schema in a format that is not served": (406, ("GET", "schema/", {"Accept": "text/css"})),
    "an unknown parameter": (400, ("GET", "parties/?x=1", {})),
    "another media type": (415, ("POST", "parties/", {"Content-Type": "text/plain"})),
    "a wrong token": (401, ("GET", "parties/", {"Authorization": "Bearer x"})),
    "an unknown host": (400, ("GET", "parties/", {"Host": "evil.example"})),
}


@in_one_world("case", REFUSALS)
def test_every_refusal_is_a_problem(api: Client, case: str) -> None:
    status, (method, path, headers) = REFUSALS[case]
    kind = headers.pop("Content-Type", JSON) if "Content-Type" in headers else JSON
    response = api.generic(method, BASE + path, b"x", content_type=kind, headers=headers)
    assert is_problem(response, status)
    assert "ETag" not in response


def test_a_session_without_its_csrf_token_is_refused_with_a_problem(desk: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(desk)
    for method, path in (("POST", "parties/"), ("PATCH", "users/1/"), ("DELETE", "tokens/1/")):
        response = browser.generic(method, BASE + path, b"{}", content_type=JSON)
        assert is_problem(response, 403)
        assert "X-CSRFToken" in response.json()["detail"]


def test_a_dashboard_in_a_browser_may_read_the_headers(desk: User, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://dashboard.example.org"]
    key = create_token(name="dashboard", user=desk, is_read_only=True)
    origin = {"Origin": "https://dashboard.example.org"}
    client = Client(headers={**origin, "Authorization": f"Bearer {key}"})
    exposed = client.get(f"{BASE}parties/")["Access-Control-Expose-Headers"]
    assert {"ETag", "Link", "Deprecation", "Sunset"} <= set(exposed.split(", "))
    asked = {
        **origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization,if-none-match",
    }
    allowed = Client().options(f"{BASE}parties/", headers=asked)["Access-Control-Allow-Headers"]
    assert "if-none-match" in allowed
