"""Password links that people request themselves."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from compliance.models import PasswordLinkRequest, User
from compliance.operations.people import passwords
from tests.web.test_sign_in import LOGIN, PASSWORD, guesses_from_many

PAGE = "/account/password/reset/"
NEW = "another-horse-9!"


def request_link(email: str, *, address: str = "192.0.2.1") -> Any:
    return Client().post(PAGE, {"email": email}, REMOTE_ADDR=address)


def test_the_delivery_worker_sends_the_link_to_the_owner(ana: User) -> None:
    assert request_link("ANA@example.org").status_code == 302
    assert not mail.outbox
    passwords.send_requested_links(as_of=timezone.now())
    [message] = mail.outbox
    assert message.to == ["ana@example.org"]
    passwords.send_requested_links(as_of=timezone.now())
    assert len(mail.outbox) == 1


def test_requests_for_unknown_inactive_and_service_accounts_look_the_same(ana: User) -> None:
    User.objects.create_user("gone@example.org", is_active=False)
    User.objects.create_user("bot@example.org", is_service_account=True)
    known = request_link(ana.email)
    for email in ("nobody@example.org", "gone@example.org", "bot@example.org"):
        response = request_link(email)
        assert (response.status_code, response["Location"]) == (302, known["Location"])
    assert PasswordLinkRequest.objects.count() == 4
    passwords.send_requested_links(as_of=timezone.now())
    assert [each.to for each in mail.outbox] == [["ana@example.org"]]
    assert not PasswordLinkRequest.objects.exists()


def test_nobody_floods_a_mailbox(ana: User) -> None:
    for _ in range(12):
        assert request_link(ana.email).status_code == 302
    assert PasswordLinkRequest.objects.count() == 5
    assert request_link(ana.email, address="203.0.113.5").status_code == 302
    assert PasswordLinkRequest.objects.count() == 6


def test_requests_wait_an_hour_for_the_mail_server(ana: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    request_link(ana.email)
    passwords.send_requested_links(as_of=timezone.now())
    assert PasswordLinkRequest.objects.exists()
    passwords.send_requested_links(as_of=timezone.now() + timedelta(minutes=61))
    assert not PasswordLinkRequest.objects.exists()


def test_a_link_lets_the_owner_of_a_locked_account_in(ana: User) -> None:
    guesses_from_many(ana.email)
    browser = Client(REMOTE_ADDR="203.0.113.9")
    assert browser.post(LOGIN, {"login": ana.email, "password": PASSWORD}).status_code == 429
    request_link(ana.email)
    passwords.send_requested_links(as_of=timezone.now())
    found = re.search(r"(/password/\S+)", str(mail.outbox[-1].body))
    assert found
    page = browser.get(found[1], follow=True)
    form = {"new_password1": NEW, "new_password2": NEW}
    assert browser.post(page.request["PATH_INFO"], form).status_code == 302
    guesses_from_many(ana.email)
    assert browser.post(LOGIN, {"login": ana.email, "password": NEW}).status_code == 302


@pytest.mark.parametrize(
    "email", ["", "x", "ana@example.org\r\nBcc: eve@example.org", "\x00@x.org"]
)
def test_what_is_no_address_is_refused(db: None, email: str) -> None:
    assert request_link(email).status_code == 200
    assert not PasswordLinkRequest.objects.exists()


def test_a_link_ends_with_the_account_that_is_deactivated(ana: User) -> None:
    passwords.send_link(user=ana)
    [link] = re.findall(r"/password/\S+", str(mail.outbox[0].body))
    assert Client().get(link).status_code == 302
    for is_active in (False, True):
        ana.is_active = is_active
        ana.save()
    assert Client().get(link).status_code == 404
