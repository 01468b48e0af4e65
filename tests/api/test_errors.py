"""Invalid requests receive a 4xx problem response that says what is wrong, never a 5xx."""

from __future__ import annotations

from io import BytesIO
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from compliance.api import urls
from compliance.api.problems import problem_response
from compliance.models import Party
from config import urls as config_urls
from tests.api.answers import BASE, JSON, get, paths
from tests.samples import create_agreement

BODIES = {
    "nothing": b"",
    "not JSON": b"{code: FRA}",
    "cut off": b'{"code": "FRA"',
    "NaN": b'{"code": NaN}',
    "Infinity": b'{"code": -Infinity}',
    "a number beyond all": b'{"code": 1e999}',
    "too many digits": b'{"code": ' + b"9" * 5_000 + b"}",
    "a lone surrogate": b'{"code": "\\ud800"}',
    "bytes that are not UTF-8": b'{"code": "\xff"}',
    "UTF-16": '{"code": "FRA"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"code": "FRA"}',
    "deep nesting": b"[" * 10_000 + b"]" * 10_000,
    "deep objects": b'{"code":' * 900 + b"1" + b"}" * 900,
    "a list": b"[]",
    "a word": b'"FRA"',
    "null": b"null",
    "a field twice": b'{"code": "FRA", "code": "DEU"}',
    "NUL in a field's name": b'{"a\\u0000b": 1}',
    "very many unknown fields": b"{" + b",".join(b'"f%d":1' % n for n in range(50_000)) + b"}",
}


def is_problem(response: Any, status: int) -> bool:
    content = response.json()
    return (
        response.status_code == content["status"] == status
        and response["Content-Type"] == "application/problem+json"
        and set(content) == {"type", "title", "status", "detail", "errors"}
        and all(set(each) == {"path", "detail"} for each in content["errors"])
        and len(response.content) < 50_000
    )


@pytest.mark.parametrize("text", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("room", ["parties", "facts", "agreements/import"])
def test_an_unreadable_body_is_refused(api: Client, room: str, text: bytes) -> None:
    assert is_problem(api.post(f"{BASE}{room}/", text, content_type=JSON), 400)
    assert not Party.objects.exists()


def test_malformed_json_is_refused_with_line_and_column(api: Client) -> None:
    response = api.post(f"{BASE}parties/", b'{\n "code": FRA}', content_type=JSON)
    assert "Line 2, column 10" in response.json()["detail"]


def test_a_body_over_one_mebibyte_is_refused(api: Client) -> None:
    long = b'{"name": "' + b"x" * 2**20 + b'"}'
    assert is_problem(api.post(f"{BASE}parties/", long, content_type=JSON), 413)


def test_a_body_over_ten_megabytes_is_refused_as_a_document_too(api: Client) -> None:
    for kind in (JSON, "application/yaml"):
        response = api.post(f"{BASE}agreements/import/", b"x" * 10_000_000, content_type=kind)
        assert is_problem(response, 413)


class Endless(BytesIO):
    """A body that never ends, and counts the bytes read."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert size >= 0, "the whole body was requested"
        self.taken += size
        return b" " * size


def test_a_chunked_body_is_read_only_up_to_the_limit(api: Client) -> None:
    body = Endless()
    environ = {
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "CONTENT_LENGTH": "",
        "CONTENT_TYPE": JSON,
    }
    response = api.generic("POST", f"{BASE}parties/", **environ)  # type: ignore[arg-type]
    assert is_problem(response, 413)
    assert body.taken <= 2**20 + 1


def test_a_chunked_body_is_accepted(api: Client) -> None:
    text = b'{"code":"FRA","name":"France","kind":"state","timezone":"Europe/Paris"}'
    environ = {
        "wsgi.input": BytesIO(text),
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "CONTENT_LENGTH": "",
        "CONTENT_TYPE": JSON,
    }
    response = api.generic("POST", f"{BASE}parties/", **environ)  # type: ignore[arg-type]
    assert response.status_code == 201
    environ |= {"wsgi.input": BytesIO(text), "wsgi.input_terminated": False}
    response = api.generic("POST", f"{BASE}parties/", **environ)  # type: ignore[arg-type]
    assert is_problem(response, 411)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "", "nonsense"]
)
def test_a_body_with_another_media_type_is_refused(api: Client, kind: str) -> None:
    response = api.post(f"{BASE}parties/", b"{}", content_type=kind)
    assert is_problem(response, 415)


def test_only_json_is_served(api: Client) -> None:
    response = api.get(f"{BASE}parties/", headers={"Accept": "text/html"})
    assert is_problem(response, 406)
    detail = "Only application/json is served here: change the header Accept."
    assert response.json()["detail"] == detail


@pytest.mark.parametrize("accepted", ["", " ", ","])
def test_an_empty_header_accept_counts_as_absent(api: Client, accepted: str) -> None:
    assert api.get(f"{BASE}parties/", headers={"Accept": accepted}).status_code == 200


def test_refusals_say_what_to_do_in_our_words(api: Client, client: Client) -> None:
    sent = {
        "Send the body as application/json.": api.post(
            f"{BASE}parties/", b"x", content_type="text/plain"
        ),
        "This does not exist.": api.post(f"{BASE}breaches/1/acknowledge/", {}, content_type=JSON),
        "Authenticate with an API token": client.get(f"{BASE}parties/"),
    }
    for beginning, response in sent.items():
        assert is_problem(response, response.status_code)
        assert response.json()["detail"].startswith(beginning)


def test_only_digits_are_a_whole_number_in_queries(api: Client) -> None:
    # Python reads 1_0 as 10.
    for address, name in (("facts/", "deadline"), ("facts/", "page_size"), ("summary/", "limit")):
        problem = get(api, address, 400, **{name: "1_0"})
        assert problem["errors"] == [{"path": name, "detail": "Give a whole number."}]


@pytest.mark.parametrize(
    "address",
    ["/api/", "/api/v2/", f"{BASE}nothing/", f"{BASE}parties/fra/", f"{BASE}parties/FRA/",
     f"{BASE}parties/%00/", f"{BASE}parties/%ff/", f"{BASE}agreements/../admin/"],
)  # fmt: skip
def test_an_unknown_address_returns_a_problem(api: Client, address: str) -> None:
    assert is_problem(api.get(address), 404)


def test_a_missing_trailing_slash_redirects_reads_but_not_writes(api: Client) -> None:
    response = api.get("/api/v1/deadlines?status=unmet")
    assert (response.status_code, response["Location"]) == (301, "/api/v1/deadlines/?status=unmet")
    response = api.post("/api/v1/facts", {}, content_type=JSON)
    assert is_problem(response, 404)
    assert "/api/v1/facts/" in response.json()["detail"]
    assert is_problem(api.get("/api/v1/nothing"), 404)


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "TRACE", "PROPFIND"])
def test_other_methods_are_not_allowed(api: Client, verb: str) -> None:
    create_agreement()
    for address in ("parties/", "parties/CHN/", "summary/", "agreements/import/"):
        response = api.generic(verb, BASE + address)
        assert is_problem(response, 405)
        methods = response["Allow"].split(", ")
        assert methods
        assert all(each in response.json()["detail"] for each in methods)


def test_an_unknown_host_is_refused(api: Client) -> None:
    response = api.get(f"{BASE}parties/", headers={"Host": "evil.example"})
    assert is_problem(response, 400)


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_an_internal_error_reveals_no_details(client: Client) -> None:
    client.raise_request_exception = False
    response = client.get("/api/fault/")
    assert is_problem(response, 500)
    assert b"secret" not in response.content


def _fault(request: object) -> HttpResponse:
    sentence = "a secret"
    raise RuntimeError(sentence)


urlpatterns = [path("api/fault/", _fault), *config_urls.urlpatterns]
handler400 = config_urls.handler400
handler404 = config_urls.handler404
handler500 = config_urls.handler500


def wait_until_somebody_waits_for_us() -> None:
    """Return once another connection waits for a lock of this connection's transaction."""
    give_up_at = monotonic() + 60
    with connection.cursor() as cursor:
        while monotonic() < give_up_at:
            cursor.execute(
                "SELECT count(*) FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
            )
            if cursor.fetchone() != (0,):
                return
            sleep(0.01)


@pytest.mark.django_db(transaction=True)
def test_of_two_concurrent_duplicates_one_is_stored_and_one_is_refused(api: Client) -> None:
    is_stored = Event()

    def store_concurrently() -> None:
        with transaction.atomic():
            Party.objects.create(code="FRA", name="F", kind="state", timezone="Europe/Paris")
            is_stored.set()
            # Ours finds no France, stores its own, and waits there for this one to commit.
            wait_until_somebody_waits_for_us()
        connection.close()

    other = Thread(target=store_concurrently)
    other.start()
    assert is_stored.wait(60)
    france = {"code": "FRA", "name": "France", "kind": "state", "timezone": "Europe/Paris"}
    response = api.post(f"{BASE}parties/", france, content_type=JSON)
    other.join()
    assert is_problem(response, 409)
    assert "try again" in response.json()["detail"]
    assert Party.objects.get().name == "F"


def test_an_unreachable_database_is_reported_as_503() -> None:
    response = problem_response(OperationalError("no route to host secret.example"), {})
    assert response is not None
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert b"secret" not in response.content  # type: ignore[attr-defined]


def test_every_list_refuses_unknown_parameters(api: Client) -> None:
    for pattern in urls.urlpatterns:
        address = str(pattern.pattern)
        if "<" in address or pattern.name in {"schema", "docs", "import", "due-rules-preview"}:
            continue
        problem = get(api, address, 400, nonsense="1")
        # Some require a parameter, too.
        assert paths(problem) - {"since", "from", "parties"} == {"nonsense"}, address


@pytest.mark.django_db
def test_errors_outside_the_api_are_html_pages(client: Client) -> None:
    response = client.get("/nothing/")
    assert (response.status_code, response["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_only_true_and_false_are_truth_values_in_queries(api: Client) -> None:
    for value in ("true", "false", "True", "FALSE"):
        get(api, "deadlines/", is_open=value)
    for value in ("1", "0", "yes", "off", "t", "", " true"):
        problem = get(api, "deadlines/", 400, is_open=value)
        assert problem["errors"] == [{"path": "is_open", "detail": "Give true or false."}], value
