"""Permissions for the buttons that change or send something."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from compliance.models import (
    Breach,
    CalendarFeed,
    Deadline,
    Message,
    Silence,
    Subscription,
    User,
    Webhook,
)
from tests.admin.conftest import message_of, standard_webhook
from tests.admin.pages import address
from tests.delivery.conftest import Sink
from tests.samples import subscribe


def everything(missed: Deadline, desk: User) -> dict[str, tuple[str, int]]:
    """Return the buttons that change or send something, each with a row for it."""
    message = message_of(missed, email="ana@example.org")
    now = timezone.now()
    silence = Silence.objects.create(
        agreement=missed.agreement,
        until_at=now + timedelta(days=1),
        reason="x",
        created_at=now,
        created_by=desk,
    )
    viewer = User.objects.get(email="viewer@example.org")
    feed = CalendarFeed.objects.create(name="x", owner=viewer, token_hash=b"x", created_at=now)
    return {
        "send_test": ("subscription", subscribe("ana@example.org").pk),
        "rotate": ("webhook", standard_webhook().pk),
        "send_again": ("message", message.pk),
        "end_now": ("silence", silence.pk),
        "revoke": ("calendarfeed", feed.pk),
        "acknowledge": ("breach", missed.breaches.get().pk),
    }


def state_of_all() -> list[Any]:
    return [
        list(model.objects.order_by("pk").values())
        for model in (Subscription, Webhook, Message, Silence, CalendarFeed, Breach)
    ]


def test_a_viewer_can_use_no_button(
    viewer: Client, desk: User, missed: Deadline, sink: Sink
) -> None:
    buttons = everything(missed, desk)
    before = state_of_all()
    for name, (model, pk) in buttons.items():
        url = address(model, name, pk)
        assert viewer.get(url).status_code == 403, name
        assert viewer.post(url).status_code == 403, name
        page = viewer.get(address(model, "change", pk)).content.decode()
        assert url not in page, name
    assert viewer.post(address("deadline", "acknowledge", missed.pk)).status_code == 403
    assert viewer.get(address("deadline", "silence", missed.pk)).status_code == 403
    assert state_of_all() == before
    assert sink.received == []


def test_every_button_requires_a_post_with_a_csrf_token(
    viewer: Client, desk: User, missed: Deadline, sink: Sink
) -> None:
    buttons = everything(missed, desk)
    before = state_of_all()
    stranger = Client(enforce_csrf_checks=True)
    stranger.force_login(desk, backend="django.contrib.auth.backends.ModelBackend")
    for name, (model, pk) in buttons.items():
        url = address(model, name, pk)
        for ask in (stranger.get, stranger.head, stranger.options):
            assert ask(url).status_code == 200, name
        assert stranger.post(url).status_code == 403, name
    assert state_of_all() == before
    assert sink.received == []
