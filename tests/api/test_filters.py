"""How filters are written in a query."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from django.test import Client

from compliance.operations.deadlines import sweep
from tests.api.answers import BASE, every_page, get, paths, refs, rows
from tests.samples import create_agreement, obligation, utc


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


def test_breaches_are_listed_with_the_oldest_first_on_request(api: Client) -> None:
    dates = {"A": "2026-03-15", "B": "2026-02-20", "C": "2026-04-01"}
    create_agreement(*(obligation(ref, due_on) for ref, due_on in dates.items()))
    sweep.run(as_of=utc("2026-05-01T00:00"))
    query = {"is_open": "true", "ordering": "occurred_at", "page_size": 2}
    found = [each["obligation_ref"] for each in every_page(api, "breaches/", **query)]
    assert found == ["B", "A", "C"]


def test_the_first_groups_by_a_measure(api: Client) -> None:
    create_agreement(
        *(obligation(f"A{number}", tags=["policy:a", "x"]) for number in range(3)),
        obligation("B", tags=["policy:b", "policy:c"]),
    )
    query = {"group_by": "tag,severity", "measures": "open", "order_by": "-count", "limit": 2}
    found = get(api, "summary/", tag_prefix="policy:", **query)
    assert found == {
        "group_by": ["tag", "severity"],
        "measures": ["open"],
        "total": 3,
        "results": [
            {"group": "policy:a", "subgroup": "normal", "open": 0},
            {"group": "policy:b", "subgroup": "normal", "open": 0},
        ],
    }
    for name in ("group_by", "measures"):
        for text in ("", "tag,mood", "count,count", "year,month,week"):
            if (name, text) != ("measures", "year,month,week"):
                assert paths(get(api, "summary/", 400, **{name: text})) == {name}


def test_a_trend_shows_what_was_known_at_each_point(api: Client) -> None:
    create_agreement(as_of=utc("2026-02-01T00:00"))
    sweep.run(as_of=utc("2026-03-20T00:00"))
    query = {"from": "2026-01", "to": "2026-Q1", "measures": "count,statuses"}
    found = get(api, "trend/", **query)
    assert found == {
        "interval": "month",
        "measures": ["count", "statuses"],
        "results": [
            {"period": "2026-01", "at": "2026-02-01T00:00:00Z", "count": 1,
             "statuses": {"pending": 1}},
            {"period": "2026-02", "at": "2026-03-01T00:00:00Z", "count": 1,
             "statuses": {"pending": 1}},
            {"period": "2026-03", "at": "2026-04-01T00:00:00Z", "count": 1,
             "statuses": {"unmet": 1}},
        ],
    }  # fmt: skip
    found = get(api, "trend/", **{**query, "to": "2026-03", "is_open": "true"})
    assert [each["statuses"] for each in found["results"]] == [{}, {}, {"unmet": 1}]
    found = get(api, "trend/", **query, is_disputed="true")
    assert [each["count"] for each in found["results"]] == [0, 0, 0]
    assert paths(get(api, "trend/", 400)) == {"from"}


def test_other_parameters_are_given_once_and_not_too_often(api: Client) -> None:
    assert paths(get(api, "deadlines/", 400, tag_any=["a", "b"])) == {"tag_any"}
    assert paths(get(api, "deadlines/", 400, tag=[str(each) for each in range(21)])) == {"tag"}
    assert paths(get(api, "deadlines/", 400, tag=["a", ""])) == {"tag"}
    assert api.get(f"{BASE}deadlines/?tag=a&tag=%00").status_code == 400
