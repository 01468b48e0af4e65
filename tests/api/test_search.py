"""Searches find texts whatever their case, accents and normalisation."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client

from compliance.models import User
from tests.api.answers import get, rows
from tests.samples import BUYER, SUPPLIER, create_agreement, obligation
from tests.shared_worlds import in_one_world

pytestmark = pytest.mark.django_db

TITLE = "Lieferung nach Zürich, Łódź, Ærø und São Tomé (50 %_)"


def folded(text: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT compliance_folded(%s)", [text])
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ZÜRICH", "zurich"),
        ("Zu\u0308rich", "zurich"),
        ("Łódź", "lodz"),
        ("Straße", "strasse"),
        ("Ærø", "aero"),
        ("İstanbul", "istanbul"),
        ("\uff21\uff23\uff2d\uff25\u00a0\uff11", "acme 1"),
        ("l\u2019eau", "l'eau"),
        ("日本 ガ", "日本 ガ".replace("ガ", unicodedata.normalize("NFKD", "ガ"))),
        ("Ελλάδα", "ελλαδα"),
        ("", ""),
    ],
)
def test_folding_removes_what_people_leave_out(text: str, expected: str) -> None:
    assert folded(text) == expected
    assert folded(unicodedata.normalize("NFD", text)) == expected
    assert folded(expected) == expected


@pytest.fixture
def stored(db: None) -> None:
    """An agreement, parties and an obligation with accents."""
    buyer = {**BUYER, "name": "Société Générale"}
    create_agreement(obligation(title=TITLE), title="Ö-Vertrag", parties=[buyer, SUPPLIER])
    create_agreement(obligation(title="Something else"), ref="other")


@in_one_world(
    "text",
    [
        "zurich",
        "ZÜRICH",
        "Zu\u0308rich",
        "lodz",
        "Łódź",
        "aero",
        "sao tome",
        "SÃO\u00a0TOMÉ",
        "50 %_",
    ],
)
def test_every_search_finds_accented_texts(api: Client, stored: None, text: str) -> None:
    for path in ("deadlines/", "obligations/"):
        assert [each["title"] for each in rows(api, path, q=text)] == [TITLE], path
    found = get(api, "changes/between/", since="2025-01-01", until="2026-06-01", q=text)
    assert len(found["results"]) == 1


def test_agreements_and_parties_are_found_without_wildcards(api: Client, stored: None) -> None:
    assert [each["ref"] for each in rows(api, "agreements/", q="o-VERTRAG")] == ["supply"]
    assert [each["code"] for each in rows(api, "parties/", q="societe generale")] == ["ACME"]
    assert rows(api, "deadlines/", q="\uff05_ä") == rows(api, "deadlines/", q="z%rich") == []


def test_the_admin_and_its_autocomplete_find_accented_texts(desk: User, stored: None) -> None:
    browser = Client()
    browser.force_login(desk, backend="django.contrib.auth.backends.ModelBackend")
    for model, text in (
        ("deadline", "zurich lodz"), ("obligation", "Zu\u0308rich"), ("agreement", "o-vertrag"),
        ("party", "SOCIETE"),
    ):  # fmt: skip
        page = browser.get(f"/admin/compliance/{model}/", {"q": text})
        assert page.context["cl"].result_count == 1, model
    query = {"app_label": "compliance", "model_name": "silence", "field_name": "deadline"}
    answer = browser.get("/admin/autocomplete/", {**query, "term": "zurich"})
    assert len(answer.json()["results"]) == 1


def test_a_search_that_is_too_long_finds_nothing_and_says_so(desk: User, stored: None) -> None:
    browser = Client()
    browser.force_login(desk, backend="django.contrib.auth.backends.ModelBackend")
    for words, found in ((100, 1), (101, 0)):
        page = browser.get("/admin/compliance/deadline/", {"q": "z " * words})
        assert page.context["cl"].result_count == found
        assert ("Search for at most 200 characters." in page.content.decode()) is (found == 0)
    query = {"app_label": "compliance", "model_name": "silence", "field_name": "deadline"}
    answer = browser.get("/admin/autocomplete/", {**query, "term": "z" * 201})
    assert answer.json()["results"] == []


def test_every_search_of_the_admin_is_folded() -> None:
    of_texts: dict[Any, Any] = {
        model: [name for name in options.search_fields if not name.endswith("tags")]
        for model, options in admin.site._registry.items()
        if model._meta.app_label == "compliance"
    }
    for model, names in of_texts.items():
        assert all(name.endswith("__folded") for name in names), model
