"""Pages of the admin whose addresses do not name a page of a model, and ids that no row has."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from compliance.models import Deadline

pytestmark = pytest.mark.django_db


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


def test_visitors_who_are_not_signed_in_get_no_error(client: Client) -> None:
    assert client.get("/admin/r/1/1/").status_code == 404
    assert client.get("/admin/compliance/deadline/1/").status_code == 302
