"""Every list and aggregate can be exported as CSV, NDJSON and XLSX."""

from __future__ import annotations

import csv
import io
from typing import Any

import orjson
import pytest
from django.http import StreamingHttpResponse
from django.test import Client

from compliance.models import Agreement, Party
from tests.api.answers import BASE, get, paths, rows

BOM = b"\xef\xbb\xbf"


def content_of(response: Any) -> bytes:
    """Return the whole content of a response, streamed or not."""
    assert response.status_code == 200, response.content
    if isinstance(response, StreamingHttpResponse):
        return b"".join(response)
    return bytes(response.content)


def table(client: Client, path: str) -> list[dict[str, str]]:
    """Return the rows of a CSV export."""
    text = content_of(client.get(f"{BASE}{path}")).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_an_export_has_the_rows_and_fields_of_the_list(api: Client, geneva: Agreement) -> None:
    listed = rows(api, "deadlines/")
    exported = table(api, "deadlines/?format=csv")
    assert len(exported) == len(listed) > 3
    for row, cells in zip(listed, exported, strict=True):
        assert list(cells) == list(row)
        assert cells["id"] == str(row["id"])
        assert cells["due_at"] == (row["due_at"] or "")
        assert cells["obligors"] == "; ".join(row["obligors"])
        assert cells["is_disputed"] == str(row["is_disputed"]).lower()
    lines = content_of(api.get(f"{BASE}deadlines/?format=ndjson")).splitlines()
    assert [orjson.loads(each) for each in lines] == listed


def test_an_export_by_accept_is_the_same(api: Client, geneva: Agreement) -> None:
    by_header = api.get(f"{BASE}deadlines/", headers={"Accept": "text/csv"})
    assert by_header["Content-Type"] == "text/csv; charset=utf-8"
    assert by_header["Content-Disposition"] == 'attachment; filename="deadlines.csv"'
    by_parameter = api.get(f"{BASE}deadlines/?format=csv")
    assert content_of(by_header) == content_of(by_parameter)
    single = rows(api, "deadlines/")[0]["id"]
    refused = api.get(f"{BASE}deadlines/{single}/", headers={"Accept": "text/csv"})
    assert refused.status_code == 406


def test_only_the_chosen_fields_are_returned(api: Client, geneva: Agreement) -> None:
    [first, *_] = rows(api, "deadlines/", fields="status,id")
    assert list(first) == ["id", "status"]
    [cells, *_] = table(api, "deadlines/?format=csv&fields=status,id")
    assert list(cells) == ["id", "status"]
    refused = get(api, "deadlines/", 400, fields="status,colour")
    assert paths(refused) == {"fields"}
    assert "colour" in refused["errors"][0]["detail"]
    assert "obligation_ref" in refused["errors"][0]["detail"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(api: Client, start: str) -> None:
    Party.objects.create(code="ACME", name=f"{start}1+1", kind="company", timezone="UTC")
    [cells] = table(api, "parties/?format=csv")
    assert cells["name"] == f"'{start}1+1"


def test_a_byte_order_mark_is_written_on_request(api: Client) -> None:
    assert content_of(api.get(f"{BASE}parties/?format=csv&bom=true")).startswith(BOM + b"code,")
    assert content_of(api.get(f"{BASE}parties/?format=csv")).startswith(b"code,")


def test_a_page_is_exported_if_its_size_is_given(api: Client, geneva: Agreement) -> None:
    first = api.get(f"{BASE}deadlines/?format=csv&page_size=2")
    assert len(content_of(first).splitlines()) == 3
    following = first["Link"].removeprefix("<").removesuffix('>; rel="next"')
    assert "format=csv" in following
    assert len(content_of(api.get(following)).splitlines()) == 3


def test_a_summary_is_exported_with_a_column_per_status(api: Client, geneva: Agreement) -> None:
    listed = rows(api, "summary/", group_by="obligor")
    exported = table(api, "summary/?group_by=obligor&format=csv")
    assert [each["group"] for each in exported] == [each["group"] for each in listed]
    assert exported[0]["status_unmet"] == str(listed[0]["statuses"].get("unmet", 0))
    trend = table(api, "trend/?from=2025&interval=year&format=csv")
    assert list(trend[0]) == ["period", "at", "count", "compliance_rate"]
