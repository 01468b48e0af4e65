"""Every list and aggregate can be exported as CSV, NDJSON and XLSX."""

from __future__ import annotations

import base64
import csv
import io
import zipfile
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import Group
from django.core.signals import request_finished
from django.db import close_old_connections
from django.http import StreamingHttpResponse
from django.test import Client
from django.utils import timezone

from compliance.api import streams
from compliance.api.streams import MOST_STREAMS
from compliance.models import Agreement, Deadline, Party, User
from compliance.operations.people.tokens import create_token
from compliance.queries import pages
from compliance.queries.rows import Where
from tests.api.answers import BASE, get, paths, rows
from tests.api.conftest import client_of
from tests.samples import create_agreement

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


def test_the_parameter_decides_the_format_alone(api: Client, geneva: Agreement) -> None:
    for accept in ("image/png", "application/json", "text/html"):
        response = api.get(f"{BASE}deadlines/?format=csv", headers={"Accept": accept})
        assert content_of(response).startswith(b"id,")
    assert api.get(f"{BASE}deadlines/", headers={"Accept": "image/png"}).status_code == 406


def close(response: Any) -> None:
    """Close a response as the web server does, but keep the connection of the test."""
    request_finished.disconnect(close_old_connections)
    try:
        response.close()
    finally:
        request_finished.connect(close_old_connections)


def test_few_exports_are_read_at_the_same_time(api: Client, geneva: Agreement) -> None:
    # None is begun: that would occupy the one connection that a test has.
    path = f"{BASE}parties/?format=ndjson"
    *unread, whole = (api.get(path) for _ in range(MOST_STREAMS))
    refused = api.get(path)
    assert (refused.status_code, refused["Retry-After"]) == (503, "10")
    assert refused["Content-Type"] == "application/problem+json"
    assert "Too many exports" in refused.json()["detail"]
    assert api.head(path).status_code == 200
    assert api.get(f"{path}&page_size=2").status_code == 200
    assert content_of(whole)
    for response in unread:
        close(response)
        close(response)
    again = [api.get(path) for _ in range(MOST_STREAMS)]
    assert {each.status_code for each in again} == {200}
    assert api.get(path).status_code == 503
    for each in again:
        close(each)


def test_an_export_that_takes_too_long_is_cut_off(
    api: Client, geneva: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LONGEST_EXPORT", -1)
    for kind in ("csv", "ndjson", "xlsx"):
        response = api.get(f"{BASE}parties/?format={kind}")
        with pytest.raises(streams.TookTooLong):
            content_of(response)
        close(response)


def test_head_has_the_headers_of_get(api: Client, geneva: Agreement) -> None:
    for path in ("summary/?format=csv", "deadlines/?format=csv&page_size=2", "deadlines/"):
        read, asked = api.get(f"{BASE}{path}"), api.head(f"{BASE}{path}")
        assert asked["Content-Length"] == read["Content-Length"] != "0"
        assert asked["ETag"] == read["ETag"]
    streamed = api.head(f"{BASE}deadlines/?format=csv")
    assert "Content-Length" not in streamed
    assert streamed["Content-Type"] == "text/csv; charset=utf-8"


def test_no_response_to_http_basic_is_compressed(desk: User, geneva: Agreement) -> None:
    token = create_token(name="excel", user=desk, is_read_only=True)
    path, gzip = f"{BASE}deadlines/?format=csv", {"Accept-Encoding": "gzip"}
    plain = basic(token).get(path, headers=gzip)
    assert "Content-Encoding" not in plain
    assert content_of(plain).startswith(b"id,")
    bearer = Client(headers={"Authorization": f"Bearer {token}"}).get(path, headers=gzip)
    assert bearer["Content-Encoding"] == "gzip"
    close(bearer)


def test_only_the_chosen_fields_are_returned(api: Client, geneva: Agreement) -> None:
    [first, *_] = rows(api, "deadlines/", fields="status,id")
    assert list(first) == ["id", "status"]
    [cells, *_] = table(api, "deadlines/?format=csv&fields=status,id")
    assert list(cells) == ["id", "status"]
    [late] = rows(api, "summary/", group_by="agreement", measures="p90_days_late",
        fields="p90_days_late")  # fmt: skip
    assert list(late) == ["p90_days_late"]
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


def basic(password: str, name: str = "excel") -> Client:
    """Return a client that sends a name and a password, as Excel does."""
    credentials = base64.b64encode(f"{name}:{password}".encode()).decode()
    return Client(headers={"Authorization": f"Basic {credentials}"})


def test_the_token_is_the_password_only_for_exports(desk: User, geneva: Agreement) -> None:
    excel = basic(create_token(name="excel", user=desk, is_read_only=False))
    assert len(table(excel, "deadlines/?format=csv")) > 3
    assert excel.get(f"{BASE}summary/?format=xlsx").status_code == 200
    by_header = excel.get(f"{BASE}parties/", headers={"Accept": "text/csv"})
    assert by_header.status_code == 200
    single = Deadline.objects.earliest("id").pk
    for path in (
        "deadlines/",
        "deadlines/?format=json",
        f"deadlines/{single}/?format=csv",
        "audit/",
    ):
        assert excel.get(f"{BASE}{path}").status_code == 401, path
    both = {"Accept": "text/csv, application/json"}
    assert excel.get(f"{BASE}deadlines/{single}/", headers=both).status_code == 401
    party = {"code": "NEW", "name": "New", "kind": "company"}
    refused = excel.post(f"{BASE}parties/?format=csv", party, content_type="application/json")
    assert refused.status_code == 401
    assert not Party.objects.filter(code="NEW").exists()


def test_a_wrong_password_is_refused_and_asked_for_again(desk: User) -> None:
    desk.set_password("secret")
    revoked = create_token(name="excel", user=desk, is_read_only=True)
    desk.api_tokens.update(revoked_at=timezone.now())
    for password in ("secret", "", "pacta_" + "0" * 36, revoked):
        refused = basic(password, desk.email).get(f"{BASE}parties/?format=csv")
        assert refused.status_code == 401
        assert refused["WWW-Authenticate"].startswith("Bearer, Basic realm=")
    in_browser = Client(headers={"Accept": "text/html,*/*"}).get(f"{BASE}parties/?format=csv")
    assert (in_browser.status_code, in_browser["WWW-Authenticate"]) == (401, "Bearer")
    nonsense = Client(headers={"Authorization": "Basic !"}).get(f"{BASE}parties/?format=csv")
    assert nonsense.status_code == 401


def test_the_limits_of_a_token_apply_when_it_is_a_password(desk: User) -> None:
    token = create_token(name="excel", user=desk, is_read_only=True)
    desk.api_tokens.update(networks=["192.0.2.0/24"])
    excel = basic(token)
    query = f"{BASE}parties/?format=csv"
    assert excel.get(query, REMOTE_ADDR="198.51.100.7").status_code == 401
    allowed = excel.get(query, REMOTE_ADDR="192.0.2.7")
    assert allowed.status_code == 200
    assert allowed["RateLimit-Policy"].startswith('"token"')


def test_a_workbook_has_numbers_dates_and_no_formulas(api: Client, geneva: Agreement) -> None:
    Party.objects.create(code="ACME", name="=1+1", kind="company", timezone="UTC")
    book = content_of(api.get(f"{BASE}parties/?format=xlsx"))
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<t>=1+1</t>" in sheet
    assert sheet.count("<row ") == Party.objects.count() + 1


def test_expanded_fields_are_whole_rows(api: Client, geneva: Agreement) -> None:
    plain = rows(api, "deadlines/")
    expanded = rows(api, "deadlines/", expand="obligation,agreement")
    agreement = get(api, f"agreements/{geneva.ref}/")
    for before, after in zip(plain, expanded, strict=True):
        assert after["obligation"] == get(api, f"obligations/{before['obligation']}/")
        assert after["agreement"] == agreement
        unexpanded = {"obligation": before["obligation"], "agreement": before["agreement"]}
        assert {**after, **unexpanded} == before
    lines = content_of(api.get(f"{BASE}deadlines/?expand=obligation,agreement&format=ndjson"))
    assert [orjson.loads(each) for each in lines.splitlines()] == expanded
    assert paths(get(api, "deadlines/", 400, expand="agreement", format="csv")) == {"expand"}
    assert paths(get(api, "deadlines/", 400, expand="colour")) == {"expand"}


def counted(client: Client, how: str, path: str = "deadlines/?page_size=2") -> tuple[Any, Any]:
    """Return the count of a list, and which preference was applied."""
    response = client.get(f"{BASE}{path}", headers={"Prefer": how})
    assert response.status_code == 200
    return response.json().get("count"), response.headers.get("Preference-Applied")


def test_a_list_is_counted_on_request(
    api: Client, geneva: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = len(rows(api, "deadlines/"))
    assert counted(api, "count=exact") == (number, "count=exact")
    assert counted(api, 'respond-async, Count="exact"; x') == (number, "count=exact")
    assert counted(api, "count=estimated") == (number, "count=exact")
    past = f"deadlines/?page_size=2&as_of={timezone.now():%Y-%m-%dT%H:%M:%SZ}"
    assert counted(api, "count=exact", past) == (number, "count=exact")
    for nothing in ("", "count=planned", "count", "exact"):
        assert counted(api, nothing) == (None, None)
    monkeypatch.setattr(pages, "_FEW", 1)
    estimate, applied = counted(api, "count=estimated")
    assert (estimate >= 2, applied) == (True, "count=estimated")


def test_who_does_not_see_everything_gets_no_estimate(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_FEW", 0)
    viewer = User.objects.create_user("viewer@example.org", "secret")
    viewer.groups.add(Group.objects.get(name="viewer"))
    create_agreement()
    assert counted(client_of(viewer), "count=estimated") == (1, "count=exact")


@pytest.mark.parametrize("how", list(pages.Count))
def test_a_page_comes_without_a_count_that_takes_too_long(
    db: None, how: pages.Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "COUNTING_SECONDS", 0.02)
    slow = Where().add("(SELECT TRUE FROM pg_sleep(0.1))")
    order = pages.Order(table="p", columns=("id",))
    listing = pages.Listing().counting(how)
    found = pages.page("SELECT p.id FROM (SELECT 1 AS id) AS p", slow, order=order, listing=listing)
    assert (found.rows, found.count, found.counted) == ([{"id": 1}], None, None)
