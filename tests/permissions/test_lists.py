"""No list, count, filter or body reveals what another team or another user has."""

from __future__ import annotations

import re
import statistics
import time
from typing import Any

import orjson
import pytest
from django.db import transaction
from django.utils import timezone

from tests.permissions.lists import LISTS
from tests.permissions.rules import Who
from tests.permissions.test_matrix import address
from tests.permissions.world import (
    MISSING_ID,
    MISSING_NAMES,
    Caller,
    World,
    add_foreign,
    answer,
)

OFTEN, RARELY = (
    ("viewer",),
    ("service account", "full", "read-only", "of a team", "of an agreement"),
)
READERS = [*OFTEN, *(pytest.param(name, marks=pytest.mark.exhaustive) for name in RARELY)]


def without_links(content: bytes) -> str:
    """Return a list without the instant that it was read at, which its next page repeats."""
    return re.sub(rb'"(as_of|cursor|next|at)": ?"[^"]*"', b"", content).decode()


@pytest.mark.parametrize("name", READERS)
def test_lists_do_not_change_when_another_team_adds_an_agreement(world: World, name: str) -> None:
    before = lists(world.callers[name])
    with transaction.atomic():
        add_foreign("oceania", timezone.now())
        after = lists(world.callers[name])
        transaction.set_rollback(True)
    assert after == before


def lists(caller: Caller) -> dict[str, str]:
    """Return what each list of the API shows."""
    return {url: without_links(caller.send("GET", f"/api/v1/{url}").content) for url in LISTS}


# Constraints over related objects, with a value that exists for others only and one that does not.
FILTERS = [
    (f"{name}/", "agreement")
    for name in (
        "obligations", "deadlines", "facts", "determinations", "proposals", "evidence",
        "positions", "breaches", "alerts", "silences", "summary", "imports", "changes", "audit",
    )
] + [
    ("facts/", "deadline"), ("positions/", "deadline"), ("breaches/", "deadline"),
    ("alerts/", "deadline"), ("changes/", "deadline"), ("silences/", "deadline"),
    ("evidence/", "obligation"), ("deadlines/", "obligation"),
]  # fmt: skip


def pair(world: World, about: str) -> tuple[Any, Any]:
    """Return the key of a hidden object, and one that no object has."""
    return world.foreign[about], MISSING_NAMES.get(about, MISSING_ID)


@pytest.mark.parametrize("name", READERS)
def test_filters_by_hidden_objects_are_answered_like_filters_by_unknown_ones(
    world: World, name: str
) -> None:
    caller = world.callers[name]
    for url, about in FILTERS:
        found = [
            answer(caller.send("GET", f"/api/v1/{url}?{about}={key}"), key, like=hidden)
            for hidden in pair(world, about)[:1]
            for key in pair(world, about)
        ]
        if url == "changes/":
            found = [
                (each[0], re.sub(r'"(cursor|next)":"[^"]*"', "", each[1]), *each[2:])
                for each in found
            ]
        assert found[0] == found[1], (url, about)


UNTIL = {"until_at": "2099-01-01T00:00:00Z", "reason": "x"}
TEXT = {"title": "x", "kind": "document", "stance": "for"}
BODIES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("silences/", "agreement", "agreement", UNTIL),
    ("silences/", "deadline", "deadline", UNTIL),
    ("subscriptions/", "agreement", "agreement", {"email": "a@example.org"}),
    ("subscriptions/", "webhook", "webhook", {}),
    ("calendar-feeds/", "agreement", "agreement", {"name": "x"}),
    ("facts/", "deadline", "deadline", {"type": "performance", "on": "2026-01-01"}),
    ("facts/", "supersedes", "fact", {"type": "performance", "on": "2026-01-01"}),
    ("determinations/", "deadline", "deadline", {"type": "determination", "on": "2026-01-01"}),
    ("positions/", "deadline", "deadline", {"party": "ACME", "verdict": "met", "on": "2026-01-01"}),
    ("evidence/", "agreement", "agreement", {**TEXT, "ref": "E-9"}),
    ("obligations/", "agreement", "agreement", {"ref": "O-9", "title": "x"}),
    ("tokens/", "agreements", "agreement", {"name": "x"}),
    (
        "due-rules/preview/",
        "agreement",
        "agreement",
        {"rule": {"type": "date", "on": "2026-01-01"}},
    ),
)


@pytest.mark.parametrize(
    "name", ["reviewer", *(pytest.param(name, marks=pytest.mark.exhaustive) for name in RARELY)]
)
def test_bodies_that_name_hidden_objects_are_answered_like_those_that_name_unknown_ones(
    world: World, name: str
) -> None:
    caller = world.callers[name]
    for url, field, about, more in BODIES:
        found = []
        for key in pair(world, about):
            body = {**more, field: [key] if field == "agreements" else key}
            response = caller.send(
                "POST", f"/api/v1/{url}", data=orjson.dumps(body), content_type="application/json"
            )
            assert response.status_code in {400, 403, 404}, (url, field, response.content)
            found.append(answer(response, key, like=pair(world, about)[0]))
        assert found[0] == found[1], (url, field)


IMPORTED = (
    b'{"format":"pacta.agreement/v1","ref":"%s","title":"x","kind":"contract",'
    b'"parties":[{"code":"ACME","name":"Acme GmbH","kind":"company","country":"DE",'
    b'"timezone":"Europe/Berlin"}],"obligations":[]}'
)


@pytest.mark.parametrize(
    "built", ["world", pytest.param("world_without_row_security", marks=pytest.mark.exhaustive)]
)
def test_the_import_writes_no_hidden_agreement(request: pytest.FixtureRequest, built: str) -> None:
    world: World = request.getfixturevalue(built)
    for name in ("analyst", "service account"):
        caller = world.callers[name]
        for mode in ("", "?mode=replace", "?mode=add", "?dry_run=true"):
            response = caller.send(
                "POST", f"/api/v1/agreements/import/{mode}",
                data=IMPORTED % world.foreign["agreement"].encode(),
                content_type="application/json",
            )  # fmt: skip
            assert response.status_code == 400, (mode, response.content)
            assert b"anzibar" not in response.content
    refused = world.callers["viewer"].send(
        "POST",
        "/api/v1/agreements/import/",
        data=IMPORTED % b"new",
        content_type="application/json",
    )
    assert refused.status_code == 403


@pytest.mark.exhaustive
def test_hidden_and_unknown_objects_take_the_same_time(world: World) -> None:
    caller = world.callers["full"]
    for name, about in (
        ("agreements-row", "agreement"), ("deadlines-row", "deadline"), ("facts-row", "fact"),
        ("why", "deadline"), ("timeline", "deadline"), ("file", "evidence"),
    ):  # fmt: skip
        keys = [address(f"api:{name}", key) for key in pair(world, about)]
        medians = _medians(caller, keys)
        assert medians[0] == pytest.approx(medians[1], rel=0.15), (name, medians)


def _medians(caller: Caller, urls: list[str]) -> list[float]:
    """Return the median seconds of a response to each URL, which are sent by turns."""
    taken: dict[str, list[float]] = {url: [] for url in urls}
    assert caller.role is not Who.ADMINISTRATOR
    for _ in range(150):
        for url in urls:
            began = time.perf_counter()
            assert caller.send("GET", url).status_code == 404
            taken[url].append(time.perf_counter() - began)
    return [statistics.median(each) for each in taken.values()]
