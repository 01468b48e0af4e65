"""Short ways to look at what the API answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.test import Client

BASE = "/api/v1/"
JSON = "application/json"


def get(client: Client, path: str, expected: int = 200, /, **asked: Any) -> Any:
    """What is answered to a question."""
    response = client.get(BASE + path, asked)
    assert response.status_code == expected, response.content
    return response.json()


def post(client: Client, path: str, value: object, expected: int = 201) -> Any:
    """What is answered to a new row."""
    response = client.post(BASE + path, value, content_type=JSON)
    assert response.status_code == expected, response.content
    return response.json()


def patch(client: Client, path: str, value: object, expected: int = 200) -> Any:
    """What is answered to a change."""
    response = client.patch(BASE + path, value, content_type=JSON)
    assert response.status_code == expected, response.content
    return response.json()


def rows(client: Client, path: str, /, **asked: Any) -> list[Any]:
    """The rows of a first page."""
    found: list[Any] = get(client, path, **asked)["results"]
    return found


def refs(client: Client, **asked: Any) -> list[str]:
    """The refs of the obligations of the deadlines on a first page."""
    return [row["obligation_ref"] for row in rows(client, "deadlines/", **asked)]


def every_page(client: Client, path: str, /, **asked: Any) -> Iterator[Any]:
    """The rows of all pages, by following `next`."""
    page = get(client, path, **asked)
    while True:
        yield from page["results"]
        if page["next"] is None or not page["results"]:
            return
        page = client.get(page["next"]).json()


def paths(problem: Any) -> set[str]:
    """Where a refusal says that something is wrong."""
    return {error["path"] for error in problem["errors"]}
