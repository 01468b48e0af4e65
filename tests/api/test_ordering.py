"""Orders of lists: rows without a value come last in both directions, page by page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.api.answers import every_page, get
from tests.samples import create_agreement, obligation
from tests.shared_worlds import in_one_world

pytestmark = pytest.mark.django_db

DORMANT: dict[str, Any] = {"due": {"type": "trigger", "on": {"breach_of": "A"},
                   "then": {"count": 1, "unit": "days"}}}  # fmt: skip


@pytest.fixture
def mixed(db: None) -> None:
    """Three deadlines with a due date, and three without."""
    create_agreement(
        obligation("A", "2026-03-01"), obligation("X", **DORMANT), obligation("B", "2026-03-02"),
        obligation("Y", **DORMANT), obligation("C", "2026-03-03"), obligation("Z", **DORMANT),
    )  # fmt: skip


@pytest.mark.parametrize(
    "page_sizes",
    [
        pytest.param([2, 3, 4, 100], id="some"),
        pytest.param([1, 6], id="others", marks=pytest.mark.exhaustive),
    ],
)
@in_one_world(
    ("more", "ordering", "expected"),
    [
        (more, ordering, expected)
        for more in ({}, {"as_of": "2026-02-15T00:00:00Z"}, {"severity": "normal"})
        for ordering, expected in (("due_at", "ABCXYZ"), ("-due_at", "CBAZYX"))
    ],
)
def test_deadlines_without_a_due_date_come_last(
    api: Client,
    mixed: None,
    page_sizes: list[int],
    more: dict[str, Any],
    ordering: str,
    expected: str,
) -> None:
    for page_size in page_sizes:
        query = {"ordering": ordering, "page_size": page_size, **more}
        found = [row["obligation_ref"] for row in every_page(api, "deadlines/", **query)]
        assert "".join(found) == expected, page_size


def test_a_filter_that_leaves_only_rows_without_a_due_date_pages_through_them(
    api: Client, mixed: None
) -> None:
    query = {"ordering": "-due_at", "page_size": 2, "status": "dormant"}
    found = [row["obligation_ref"] for row in every_page(api, "deadlines/", **query)]
    assert found == ["Z", "Y", "X"]


@pytest.mark.parametrize("name", ["as_of", "due_after", "known_at"])
def test_a_plus_that_was_not_encoded_is_explained(api: Client, name: str) -> None:
    response = api.get(f"/api/v1/deadlines/?{name}=2026-02-01T12:00:00+02:00")
    assert response.status_code == 400
    assert response.json()["errors"] == [
        {
            "path": name,
            "detail": "In a web address, a + stands for a space. Write it as %2B: "
            "2026-02-01T12:00:00%2B02:00.",
        }
    ]
    assert get(api, "deadlines/", **{name: "2026-02-01T12:00:00+02:00"})["results"] == []
