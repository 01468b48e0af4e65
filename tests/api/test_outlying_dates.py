"""Dates before an obligation begins, or after its agreement ends, have a warning everywhere."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.api.answers import get, patch, post, rows
from tests.samples import document, obligation

pytestmark = pytest.mark.django_db

AFTER_END = (
    "It is due after the agreement ends on 2099-06-30, and will be cancelled then. "
    "Set survives_termination if it remains due."
)


def warnings_of_first_deadline(api: Client) -> Any:
    return get(api, f"deadlines/{rows(api, 'deadlines/')[0]['id']}/")["warnings"]


def test_a_date_after_the_end_of_the_agreement_has_a_warning_wherever_it_is_entered(
    api: Client,
) -> None:
    value = document("supply", obligation(due_on="2099-12-31"))
    report = post(api, "agreements/import/", {**value, "ends_on": "2099-06-30"})
    assert report["warnings"] == [{"path": "obligations/0", "detail": AFTER_END}]
    assert warnings_of_first_deadline(api) == [AFTER_END]
    made = post(
        api, "obligations/", {**obligation("O-2", due_on="2099-12-31"), "agreement": "supply"}
    )
    assert made["warnings"] == [AFTER_END]
    path = f"obligations/{made['id']}/"
    assert patch(api, path, made | {"title": "Another title"})["warnings"] == [AFTER_END]
    assert patch(api, path, {"survives_termination": True})["warnings"] == []
    rule = {"type": "date", "on": "2099-12-31"}
    preview = post(api, "due-rules/preview/", {"rule": rule, "agreement": "supply"}, 200)
    assert AFTER_END in preview["warnings"]


def test_a_new_end_of_the_agreement_says_how_many_deadlines_it_cancels(api: Client) -> None:
    later = [obligation(f"O-{number}", due_on="2099-12-31") for number in (1, 2, 3)]
    post(api, "agreements/import/", document("supply", *later))
    to_come = patch(api, "agreements/supply/", {"ends_on": "2099-06-30"})
    assert to_come["warnings"] == [
        "3 deadlines are due after the agreement ends on 2099-06-30, and will be cancelled then. "
        "Set survives_termination if they remain due."
    ]
    assert warnings_of_first_deadline(api) == [AFTER_END]
    ended = patch(api, "agreements/supply/", {"ends_on": "2026-06-30"})
    assert ended["warnings"] == [
        "This cancelled 3 deadlines due after the agreement ended on 2026-06-30. "
        "Set survives_termination on obligations that remain due."
    ]
    assert get(api, "deadlines/")["results"][0]["status"] == "cancelled"
