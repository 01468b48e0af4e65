"""Every URL answers every kind of caller as its rule says, whoever's object it is about."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.permissions.rules import API, OWN_PAGES, PAGES, RULES, SCOPES, Rule, Who
from tests.permissions.world import DEAD, Caller, World, answer, exists_for

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
WHOSE = ("own", "foreign", "missing")
JSON = {"data": b"{}", "content_type": "application/json"}
FORM = {"data": b"", "content_type": "application/x-www-form-urlencoded"}


def urls(resolver: Any = None, namespace: str = "") -> Iterator[str]:
    """Yield the name of each URL of the service."""
    for each in (resolver or get_resolver()).url_patterns:
        if isinstance(each, URLResolver):
            inner = f"{namespace}{each.namespace}:" if each.namespace else namespace
            yield from urls(each, inner)
        elif isinstance(each, URLPattern):
            yield f"{namespace}{each.name or ''}" or str(each.pattern)


def test_every_url_has_a_rule_and_every_rule_a_url() -> None:
    named = set(urls()) - {"admin:"}  # Django's redirects, and its page for unknown addresses
    declared = {*RULES, *PAGES, *OWN_PAGES}
    assert named - declared == set(), "Declare in tests/permissions/rules.py who may use these."
    assert declared - named - {""} == set()
    assert {rule.about for rule in RULES.values()} <= set(SCOPES)


def address(name: str, key: Any) -> str:
    """Return the URL of a page about an object."""
    if name == "admin:app_list":
        return reverse(name, args=["compliance"])
    if key is None:
        return reverse(name)
    return reverse(name, args=[key, 1] if name == "api:file" else [key])


QUERIES = {
    "api:changes-between": "?since=2026-01-01T00:00:00Z",
    "api:trend": "?from=2026",
    "api:reciprocity": "?parties=CHN,ACME",
}
"""Parameters that a GET request must have."""


def cells(world: World, name: str, rule: Rule, caller: Caller) -> Iterator[tuple[str, Any]]:
    """Yield whose object a request can be about, and its key."""
    if not rule.about:
        yield "own", None
        return
    for whose in WHOSE:
        about = rule.about
        admin_about = f"admin {about}"
        if name.startswith("admin:") and admin_about in world.own and whose != "missing":
            about = admin_about
        key = world.key(caller, about, whose)
        if name.startswith("admin:") and whose == "missing":
            key = world.key(caller, "", whose)
        if key is not None:
            yield whose, key


def expected(
    rule: Rule, caller: Caller, method: str, *, exists: bool, is_foreign: bool
) -> set[int]:
    """Return the statuses with which the API may answer."""
    who = rule.who(method)
    if caller.name in DEAD or (caller.role is Who.EVERYONE and rule.get is not Who.EVERYONE):
        return {401}
    if method == "OPTIONS":
        return {200, 405}
    reads = method in {"GET", "HEAD"} or (method == "POST" and rule.only_reads)
    if who is Who.NOBODY:
        return {401, 403, 405} if rule.get is Who.EVERYONE else {403, 405}
    if caller.is_read_only and not reads:
        return {403}
    if caller.role < who:
        return {403}  # whether or not it exists
    if caller.is_restricted and method.replace("HEAD", "GET") not in rule.within.split():
        return {403}
    if not exists:
        return {404}
    if rule.by_owner and is_foreign:
        return {403}
    return {200} if method in {"GET", "HEAD"} else {200, 201, 202, 204, 400, 409, 415}


def check(
    world: World, name: str, caller: Caller, method: str, kinds: Collection[str] = WHOSE
) -> list[str]:
    """Return how the API differs from the rule of a URL, for these kinds of objects."""
    if method != "OPTIONS" and API[name].who(method) is Who.NOBODY:
        kinds = ("own",)  # nothing is looked up
    rule = API[name]
    problems, seen = [], {}
    query = QUERIES.get(name, "") if method in {"GET", "HEAD"} else ""
    found = {k: v for k, v in cells(world, name, rule, caller) if k in kinds}
    for whose, key in found.items():
        exists = not rule.about or exists_for(caller, rule.about, whose, SCOPES[rule.about])
        response = caller.send(method, address(name, key) + query, **JSON)
        like = found.get("foreign") if whose == "missing" else None
        seen[whose] = () if exists else answer(response, key, like=like)
        is_foreign = whose == "foreign"
        wanted = expected(rule, caller, method, exists=exists, is_foreign=is_foreign)
        if response.status_code not in wanted:
            problems.append(
                f"{method} {name} as {caller.name}, {whose}: "
                f"{response.status_code} instead of {sorted(wanted)}: {response.content[:150]!r}"
            )
    if seen.get("foreign") and seen["foreign"] != seen.get("missing"):
        problems.append(f"{method} {name} as {caller.name}: {seen['foreign']} {seen['missing']}")
    return problems


@pytest.mark.parametrize(
    ("caller", "reads", "writes"),
    [("anonymous", ("own",), ("own",)), ("reviewer", WHOSE, ("foreign", "missing"))],
)
def test_the_api_answers_as_its_rules_say(
    world: World, caller: str, reads: tuple[str, ...], writes: tuple[str, ...]
) -> None:
    found = [
        problem
        for name, rule in API.items()
        if name != "api:schema"  # the same for everyone, and slow
        for method in ("GET", "POST", "PATCH", "DELETE")
        if rule.who(method) is not Who.NOBODY
        for kinds in [reads if method == "GET" else writes]
        for problem in check(world, name, world.callers[caller], method, kinds)
    ]
    assert not found, "\n".join(found)


@pytest.mark.exhaustive
@pytest.mark.parametrize("method", METHODS)
def test_the_api_answers_every_caller_as_its_rules_say(world: World, method: str) -> None:
    found = [
        problem
        for caller in world.callers.values()
        for name in API
        for problem in check(world, name, caller, method)
    ]
    assert not found, "\n".join(found)


@pytest.mark.exhaustive
@pytest.mark.parametrize("caller", ["analyst", "of a team"])
def test_the_predicates_alone_hide_what_the_rules_hide(
    world_without_row_security: World, caller: str
) -> None:
    world = world_without_row_security
    found = [
        problem
        for name in API
        for method in ("GET", "POST", "PATCH", "DELETE")
        for problem in check(world, name, world.callers[caller], method)
    ]
    assert not found, "\n".join(found)


def test_pages_about_an_account_are_for_whoever_is_signed_in(world: World) -> None:
    for name in OWN_PAGES:
        url = reverse(
            name, args=[1] if name in {"mfa_remove_webauthn", "mfa_edit_webauthn"} else []
        )
        for caller in ("anonymous", "full"):  # a token is not a session
            response = world.callers[caller].send("GET", url)
            assert response.status_code == 302, (name, caller)


def test_a_secret_url_that_was_never_given_out_shows_nothing(world: World) -> None:
    for name in ("calendar_feed", "unsubscribe", "acknowledge"):
        found = {
            (response.status_code, response.content)
            for caller in ("anonymous", "administrator")
            for secret in ("x", "y" * 43)
            for response in [world.callers[caller].send("GET", reverse(name, args=[secret]))]
        }
        assert len(found) == 1, name
        assert {status for status, _ in found} <= {400, 404, 410}, (name, found)
