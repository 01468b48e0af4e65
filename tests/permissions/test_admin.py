"""Every page of the admin answers every kind of caller as its rule says."""

from __future__ import annotations

from collections.abc import Collection
from difflib import unified_diff
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from tests.permissions.rules import ADMIN, OF_SOME, SCOPES, Rule, Scope, Who
from tests.permissions.test_matrix import FORM, WHOSE, address, cells
from tests.permissions.world import Caller, World, add_foreign, answer, exists_for

SIGNED_IN = ("viewer", "analyst", "reviewer", "administrator")
SHOWN = {200, 204, 302, 400}
QUERIES = {
    "admin:autocomplete": "?app_label=compliance&model_name=silence&field_name=deadline&term=Zan"
}
"""Parameters that a page needs."""


def expected(rule: Rule, caller: Caller, method: str, *, exists: bool) -> set[int]:
    """Return the statuses with which the admin may answer."""
    who = rule.who(method)
    if who is Who.EVERYONE:
        return {200, 302, 403}
    if caller.name not in SIGNED_IN:
        return {301, 302}  # to the page on which people sign in
    if who is Who.NOBODY:
        return {302, 403, 404, 405}
    if caller.role < who:
        # Whether it exists is not looked up, or makes no difference.
        return {302, 403, 404}
    return SHOWN if exists else {302, 403, 404}


def check(
    world: World, name: str, caller: Caller, method: str, kinds: Collection[str] = WHOSE
) -> list[str]:
    """Return how the admin differs from the rule of a page, for these kinds of objects."""
    rule = ADMIN[name]
    problems: list[str] = []
    seen: dict[str, Any] = {}
    keys = {k: v for k, v in cells(world, name, rule, caller) if k in kinds}
    scope = SCOPES[rule.about]
    if scope is Scope.OWNER_ONLY:
        scope = Scope.OWNER  # administrators revoke the feeds of others here
    for whose, key in keys.items():
        exists = not rule.about or exists_for(caller, rule.about, whose, scope)
        response = caller.send(method, address(name, key) + QUERIES.get(name, ""), **FORM)
        label = f"{method} {name} as {caller.name}, {whose}"
        if caller.name not in SIGNED_IN and rule.who(method) is not Who.EVERYONE:
            location = response.headers.get("Location", "")
            if "/login/" not in location and not name.endswith("logout"):
                problems.append(f"{label}: {response.status_code} {location}")
            continue
        if not exists:
            like = keys.get("foreign") if whose == "missing" else None
            seen[whose] = answer(response, key, like=like)
        wanted = expected(rule, caller, method, exists=exists)
        is_refused = response.status_code in {403, 404} or (
            response.status_code == 302 and response.headers["Location"] == "/admin/"
        )
        who = rule.who(method)
        is_wrong = response.status_code not in wanted
        is_exception = name in OF_SOME or (rule.by_owner and whose == "foreign")
        if is_exception and response.status_code == 403:
            continue
        if rule.about and who is not Who.NOBODY:
            is_wrong |= is_refused is (caller.role >= who and exists)
        if is_wrong:
            problems.append(f"{label}: {response.status_code} {response.headers.get('Location')}")
    if seen.get("foreign") and seen["foreign"] != seen.get("missing"):
        problems.append(f"{method} {name} as {caller.name}: {seen}"[:1500])
    return problems


def problems_of(
    world: World,
    callers: Collection[str],
    methods: Collection[str],
    kinds: Collection[str] = WHOSE,
) -> list[str]:
    """Return how the admin differs from the rules, for these callers, methods and objects."""
    return [
        problem
        for caller in callers
        for name in ADMIN
        for method in methods
        for problem in check(world, name, world.callers[caller], method, kinds)
    ]


def test_a_hidden_row_is_answered_like_one_that_does_not_exist(world: World) -> None:
    caller = world.callers["analyst"]
    buttons = {rule.about: name for name, rule in ADMIN.items()}  # one of each kind
    for name in {*buttons.values(), *(name for name in ADMIN if name.endswith("_change"))}:
        rule = ADMIN[name]
        if world.foreign.get(rule.about) is None or rule.get is Who.NOBODY:
            continue
        keys = dict(cells(world, name, rule, caller))
        found = [
            answer(caller.send("GET", address(name, key)), key, like=like)
            for key, like in ((keys["foreign"], None), (keys["missing"], keys["foreign"]))
        ]
        assert found[0] == found[1], name
        assert found[0][0] in {302, 403, 404}, name


def test_nobody_enters_the_admin_without_signing_in(world: World) -> None:
    found = problems_of(world, ["anonymous"], ("GET",), ("own",))
    assert not found, "\n".join(found)


def lists(caller: Caller) -> dict[str, list[str]]:
    """Return what lists, searches, counts, forms and suggestions of the admin show, by line."""
    pages = [reverse("admin:index"), f"{reverse('admin:search')}?s=Zanzibar"]
    for name, rule in ADMIN.items():
        if name.endswith("_changelist") and rule.get <= caller.role:
            pages += [reverse(name), f"{reverse(name)}?q=Zanzibar"]
        if name.endswith("_add") and rule.get <= caller.role:
            pages.append(reverse(name))
    pages.append(f"{reverse('admin:autocomplete')}{QUERIES['admin:autocomplete']}")
    found = {page: answer(caller.send("GET", page), "") for page in pages}
    return {
        page: [line for line in each[1].splitlines() if "since the last sweep" not in line]
        for page, each in found.items()
    }


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["viewer", "reviewer"])
def test_no_list_search_count_or_suggestion_changes_when_another_team_adds_an_agreement(
    world: World, name: str
) -> None:
    before = lists(world.callers[name])
    with transaction.atomic():
        add_foreign("oceania", timezone.now())
        after = lists(world.callers[name])
        transaction.set_rollback(True)
    changed = [
        line
        for page, content in before.items()
        for line in unified_diff(content, after[page], page, lineterm="", n=0)
    ]
    assert not changed, "\n".join(changed)


@pytest.mark.exhaustive
@pytest.mark.parametrize("caller", SIGNED_IN)
def test_the_admin_answers_each_role_as_its_rules_say(world: World, caller: str) -> None:
    found = problems_of(world, [caller], ("GET", "POST"))
    assert not found, "\n".join(found)


@pytest.mark.exhaustive
def test_the_predicates_of_the_admin_alone_hide_what_the_rules_hide(
    world_without_row_security: World,
) -> None:
    found = problems_of(world_without_row_security, ["analyst"], ("GET", "POST"))
    assert not found, "\n".join(found)


@pytest.mark.exhaustive
def test_tokens_do_not_open_the_admin(world: World) -> None:
    callers = [name for name in world.callers if name not in SIGNED_IN]
    found = problems_of(world, callers, ("GET", "POST"))
    assert not found, "\n".join(found)
