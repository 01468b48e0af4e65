"""How filters are written in a query."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from django.test import Client

from tests.api.answers import BASE, get, paths, refs, rows
from tests.samples import create_agreement, obligation


def test_a_repeated_tag_requires_each_of_them_on_every_page(api: Client) -> None:
    create_agreement(
        obligation("A", tags=["steel", "ports"]),
        obligation("B", tags=["steel"]),
        obligation("C", tags=["ports", "steel", "hs:7208"]),
    )
    assert refs(api, tag="steel") == ["A", "B", "C"]
    page = get(api, "deadlines/", tag=["steel", "ports"], page_size=1)
    assert parse_qs(urlsplit(page["next"]).query)["tag"] == ["steel", "ports"]
    later = api.get(page["next"]).json()["results"]
    found = [each["obligation_ref"] for each in (*page["results"], *later)]
    assert found == ["A", "C"]
    assert [each["ref"] for each in rows(api, "obligations/", tag=["hs:7208", "steel"])] == ["C"]


def test_other_parameters_are_given_once_and_not_too_often(api: Client) -> None:
    assert paths(get(api, "deadlines/", 400, tag_any=["a", "b"])) == {"tag_any"}
    assert paths(get(api, "deadlines/", 400, tag=[str(each) for each in range(21)])) == {"tag"}
    assert paths(get(api, "deadlines/", 400, tag=["a", ""])) == {"tag"}
    assert api.get(f"{BASE}deadlines/?tag=a&tag=%00").status_code == 400
