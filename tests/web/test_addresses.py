"""Changing the address of an account."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.utils import timezone

from compliance.models import CalendarFeed, User
from tests.web.test_sign_in import PASSWORD, sign_in

PAGE = "/account/email/"
NEW = "ana@example.com"


@pytest.fixture
def owner(ana: User) -> Client:
    """The client of the owner, who has just signed in."""
    client = Client()
    sign_in(ana.email, PASSWORD, client=client)
    return client


def link_to(address: str) -> str:
    [message] = [each for each in mail.outbox if each.to == [address] and "/confirm/" in each.body]
    found = re.search(rf"{re.escape(settings.SITE_URL)}(\S+)", str(message.body))
    assert found
    return found[1]


def test_an_owner_confirms_a_new_address_at_that_address(owner: Client, ana: User) -> None:
    assert owner.post(PAGE, {"email": NEW}).status_code == 302
    assert {each.to[0] for each in mail.outbox} == {ana.email, NEW}
    ana.refresh_from_db()
    assert ana.email == "ana@example.org", "nothing changes before the confirmation"

    link = link_to(NEW)
    mail.outbox.clear()
    assert Client().get(link).status_code == 200
    ana.refresh_from_db()
    assert ana.email == "ana@example.org", "mail scanners follow links"
    assert Client().post(link).status_code == 200
    ana.refresh_from_db()
    assert ana.email == NEW
    assert {each.to[0] for each in mail.outbox} == {"ana@example.org", NEW}
    assert owner.get("/admin/").status_code == 302, "the old sessions have ended"
    assert Client().get(link).status_code == 404
    assert sign_in(NEW, PASSWORD).status_code == 302


@pytest.mark.parametrize("change", [{"email": NEW}, {"is_active": False}, {"password": "!x"}])
def test_a_new_address_or_password_and_deactivation_end_calendar_feeds(
    ana: User, change: dict[str, Any]
) -> None:
    CalendarFeed.objects.create(
        name="x", owner=ana, token_hash=b"x" * 32, created_at=timezone.now()
    )
    User.objects.filter(pk=ana.pk).update(**change)
    assert CalendarFeed.objects.get().revoked_at is not None


def test_the_address_of_somebody_else_looks_the_same_and_cannot_be_taken(
    owner: Client, ana: User
) -> None:
    User.objects.create_user("bob@example.org", "x")
    owner.get(PAGE)  # shows that the owner has signed in
    free = owner.post(PAGE, {"email": NEW}, follow=True)
    taken = owner.post(PAGE, {"email": "BOB@example.org"}, follow=True)
    assert re.sub(rb'value="\w{60,}"', b"", free.content) == re.sub(
        rb'value="\w{60,}"', b"", taken.content
    )
    assert not [each for each in mail.outbox if "bob" in each.to[0] and "/confirm/" in each.body]


def test_a_new_password_ends_the_request(owner: Client, ana: User) -> None:
    owner.post(PAGE, {"email": NEW})
    ana.set_password("another-horse-9")
    ana.save()
    assert Client().post(link_to(NEW)).status_code == 404
    assert User.objects.get().email == "ana@example.org"


@pytest.mark.parametrize("token", ["x", "x:y:z", "%00", "a" * 4000])
def test_an_invalid_link_is_rejected(db: None, token: str) -> None:
    assert Client().get(f"/account/email/confirm/{token}/").status_code == 404
