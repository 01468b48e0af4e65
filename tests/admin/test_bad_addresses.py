"""Pages of the admin whose addresses do not name a page of a model, and ids that no row has."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from compliance.models import Deadline

pytestmark = pytest.mark.django_db

SECRET = ("/account/email/confirm/", "/acknowledge/", "/unsubscribe/", "/password/")


def test_the_address_of_a_row_leads_to_its_page(browser: Client, missed: Deadline) -> None:
    response = browser.get(f"/admin/compliance/deadline/{missed.pk}/")
    assert response.status_code == 302
    assert response.headers["Location"].endswith(f"/deadline/{missed.pk}/change/")


@pytest.mark.parametrize("value", ["9" * 3_000, "x", "%00"])
def test_the_address_of_a_row_that_cannot_exist_is_not_found(browser: Client, value: str) -> None:
    assert browser.get(f"/admin/compliance/deadline/{value}/").status_code == 404


@pytest.mark.parametrize("value", ["1", "9" * 3_000, "x", "%00"])
def test_no_row_has_a_page_outside_the_admin(browser: Client, value: str) -> None:
    for kind in (*ContentType.objects.values_list("id", flat=True), value):
        assert browser.get(f"/admin/r/{kind}/{value}/").status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/account/sso/oidc/x{}/login/",
        "/account/sso/oidc/x{}/login/callback/",
        "/account/email/confirm/x{}/",
        "/acknowledge/x{}",
        "/unsubscribe/x{}",
        "/password/x{}/y/",
        "/password/x/y{}/",
        "/api/v1/agreements/x{}/",
        "/admin/compliance/deadline/x{}/change/",
    ],
)
def test_no_address_contains_a_control_character(client: Client, address: str) -> None:
    for character in ("%00", "%01", "%0A", "%1F", "%7F", "%C2%85"):
        bad = address.format(character)
        for response in (client.get(bad), client.post(bad)):
            assert response.status_code == 404
            # Secret links give their own answer, the same for every wrong token.
            is_secret = bad.startswith(SECRET)
            page = response.content.decode()
            assert ("There is nothing at this address" in page) is not is_secret


@pytest.mark.parametrize(
    "address",
    [
        "/nonsense",
        "/account/nonsense/",
        "/admin/nonsense/",
        "/admin/compliance/nonsense/",
        "/admin/compliance/agreement/x/change/",
        "/admin/compliance/agreement/1/history/",
        "/admin/r/1/1/",
    ],
)
def test_an_unknown_address_shows_a_page_with_a_way_back(browser: Client, address: str) -> None:
    response = browser.get(address)
    page = response.content.decode()
    assert response.status_code == 404
    assert "<title>There is nothing at this address - Pacta</title>" in page
    assert '<a href="/admin/">Go to the overview</a>' in page


def test_a_request_that_is_refused_or_fails_shows_a_page_with_a_way_back(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer.raise_request_exception = False
    refused = viewer.get("/admin/compliance/agreement/add/")
    unreadable = viewer.get("/admin/compliance/agreement/?q=%00")
    monkeypatch.setattr("compliance.queries.deadlines.overview.load", None)
    failed = viewer.get("/admin/")
    for response, status, title in (
        (refused, 403, "You do not have permission"),
        (unreadable, 400, "This request cannot be read"),
        (failed, 500, "Something went wrong"),
    ):
        assert response.status_code == status
        assert f"<h1>{title}</h1>" in response.content.decode()
        assert '<a href="/admin/">Go to the overview</a>' in response.content.decode()


def test_visitors_who_are_not_signed_in_get_no_error(client: Client) -> None:
    assert client.get("/admin/r/1/1/").status_code == 404
    assert client.get("/admin/compliance/deadline/1/").status_code == 302
