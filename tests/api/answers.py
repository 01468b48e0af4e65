"""Helpers that call the API and check the status of the response."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.test import Client

BASE = "/api/v1/"
JSON = "application/json"


def get(client: Client, path: str, expected: int = 200, /, **query: Any) -> Any:
    """Return the JSON response to a GET request."""
    response = client.get(BASE + path, query)
    assert response.status_code == expected, response.content
    return response.json()


def post(client: Client, path: str, value: object, expected: int = 201) -> Any:
    """Return the JSON response to a POST request."""
    response = client.post(BASE + path, value, content_type=JSON)
    assert response.status_code == expected, response.content
    return response.json()


def patch(client: Client, path: str, value: object, expected: int = 200) -> Any:
    """Return the JSON response to a PATCH request."""
    response = client.patch(BASE + path, value, content_type=JSON)
    assert response.status_code == expected, response.content
    return response.json()


def rows(client: Client, path: str, /, **query: Any) -> list[Any]:
    """Return the results on the first page of a list."""
    found: list[Any] = get(client, path, **query)["results"]
    return found


def refs(client: Client, **query: Any) -> list[str]:
    """Return the obligation refs of the deadlines on the first page."""
    return [row["obligation_ref"] for row in rows(client, "deadlines/", **query)]


def every_page(client: Client, path: str, /, **query: Any) -> Iterator[Any]:
    """Yield the results of all pages by following `next`."""
    page = get(client, path, **query)
    while True:
        yield from page["results"]
        if page["next"] is None or not page["results"]:
            return
        page = client.get(page["next"]).json()


def paths(problem: Any) -> set[str]:
    """Return the paths of the errors in a problem response."""
    return {error["path"] for error in problem["errors"]}
