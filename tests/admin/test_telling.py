"""Who is told, in the admin: subscriptions, webhooks, silences, feeds, acknowledgements, ladders,
and whether the service itself is well."""

from __future__ import annotations

import json
from datetime import time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.models import (
    Agreement,
    Alert,
    Audit,
    Breach,
    Deadline,
    Feed,
    Message,
    Obligation,
    Outage,
    Silence,
    Subscription,
    User,
    Webhook,
)
from compliance.operations.deadlines import sweep
from compliance.queries.alerts import subscriptions as queries
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import address, agreement_form, errors, filled_in
from tests.delivery.conftest import Receiver, Sink
from tests.samples import agree, duty, follow, utc

CHAT = "https://hooks.slack.com/services/T0000000A/B0000000B/abcdefghijklmnopqrstuvwx"


@pytest.fixture
def missed(db: None) -> Deadline:
    """A deadline that was missed, and found so now."""
    deadline = agree(duty(title="Deliver <script>alert(1)</script>"))
    sweep.run(as_of=timezone.now())
    deadline.refresh_from_db()
    return deadline


def message_of(deadline: Deadline, recipient: str, **more: Any) -> Message:
    """A message that told somebody of a missed deadline and was sent."""
    breach = deadline.breaches.get()
    message = Message.objects.create(
        recipient=recipient,
        agreement=deadline.agreement,
        message_id=f"<{recipient}@pacta>",
        state="sent",
        created_at=timezone.now(),
        next_attempt_at=timezone.now(),
        **more,
    )
    Alert.objects.create(
        deadline=deadline,
        agreement=deadline.agreement,
        kind="missed",
        occasion=breach.occurred_at,
        breach_at=breach.occurred_at,
        recipient=recipient,
        created_at=timezone.now(),
        message=message,
    )
    return message


def standard_webhook(url: str = "https://example.org/hook") -> Webhook:
    return Webhook.objects.create(
        name="Cases",
        url=url,
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        created_at=timezone.now(),
    )


def chat() -> Webhook:
    return Webhook.objects.create(name="Team", kind="chat", url=CHAT, created_at=timezone.now())


# --- Subscriptions --------------------------------------------------------------------------


def test_every_field_of_a_subscription_is_stored_and_shown_again(browser: Client) -> None:
    deadline = agree(duty(tags=["goods"]))
    values = {
        "email": "ana@example.org", "webhook": "", "agreement": deadline.agreement.ref,
        "party": "CHN", "tag": "goods", "min_severity": "high", "is_owner": "on",
        "kinds": ["missed", "escalated"], "from_escalation": "2", "rhythm": "weekly",
        "digest_hour": "17", "digest_weekday": "4", "quiet_from": "22:00",
        "quiet_until": "06:30", "timezone": "Europe/Berlin", "is_active": "on",
    }  # fmt: skip
    response = browser.post(address("subscription", "add"), values)
    assert response.status_code == 302, errors(response)

    pk = Subscription.objects.get().pk
    stored = queries.subscription(pk)
    assert stored is not None
    assert stored == {
        **stored, "email": "ana@example.org", "webhook": None, "agreement": "supply",
        "party": "CHN", "tag": "goods", "min_severity": "high", "is_owner": True,
        "kinds": ["missed", "escalated"], "from_escalation": 2, "rhythm": "weekly",
        "digest_hour": 17, "digest_weekday": 4, "quiet_from": time(22), "quiet_until": time(6, 30),
        "timezone": "Europe/Berlin", "is_active": True,
    }  # fmt: skip
    url = address("subscription", "change", pk)
    assert browser.post(url, filled_in(browser, url)).status_code == 302
    assert queries.subscription(pk) == stored


@pytest.mark.parametrize(
    ("values", "place", "said"),
    [
        ({"email": "ana"}, "email", "Give one email address"),
        ({"timezone": "Berlin"}, "timezone", "Europe/Berlin"),
        ({"tag": "a,b"}, "tag", "Remove the comma"),
        ({"email": ""}, "", "Give either email"),
        ({"quiet_from": "22:00"}, "", "Give both quiet_from and quiet_until"),
        ({"quiet_from": "late", "quiet_until": "06:00"}, "quiet_from", "time"),
        ({"from_escalation": "99"}, "from_escalation", "valid choice"),
    ],
)
def test_a_subscription_is_refused_on_its_field(
    browser: Client, values: dict[str, str], place: str, said: str
) -> None:
    asked = {"email": "ana@example.org", "timezone": "UTC", "is_active": "on", **values}
    response = browser.post(address("subscription", "add"), asked)
    assert said in " ".join(errors(response)[place])
    assert not Subscription.objects.exists()


def test_a_list_says_who_cannot_be_reached_and_names_webhooks(browser: Client) -> None:
    follow("lost@example.org")
    Subscription.objects.update(refused_at=timezone.now(), refusal="550 no such user")
    Subscription.objects.create(webhook=standard_webhook())
    page = browser.get(address("subscription", "changelist")).content.decode()
    assert "550 no such user" in page
    assert "is-refused" in page
    assert "Cases" in page


def test_a_test_mail_is_sent_past_the_outbox_and_its_answer_shown(
    browser: Client, sink: Sink
) -> None:
    url = address("subscription", "send_test", follow("ana@example.org").pk)
    assert browser.get(url).status_code == 200
    assert sink.received == []

    taken = browser.post(url).content.decode()
    assert "The other side took it" in taken
    assert sink.recipients == ["ana@example.org"]
    assert not Message.objects.exists()

    sink.recipient_answers = lambda _address: "550 5.1.1 no such user"
    refused = browser.post(url).content.decode()
    assert "refused it for good" in refused
    assert "550 5.1.1 no such user" in refused


def test_a_test_call_reaches_the_webhook(browser: Client, receiver: Receiver) -> None:
    webhook = standard_webhook(receiver.url)
    url = address("subscription", "send_test", Subscription.objects.create(webhook=webhook).pk)
    browser.get(url)
    assert receiver.received == []
    receiver.status = 500
    assert "500" in browser.post(url).content.decode()
    [(_, body)] = receiver.received
    assert json.loads(body)["type"] == "test"


def test_a_preview_shows_the_mail_where_nothing_in_it_can_run(
    browser: Client, missed: Deadline
) -> None:
    subscription = follow("ana@example.org")
    message_of(missed, "ana@example.org")
    page = browser.get(address("subscription", "preview", subscription.pk)).content.decode()
    assert "<script>alert" not in page
    # Once for the mail, and once more for the attribute that holds it.
    assert "&amp;lt;script&amp;gt;alert(1)" in page
    frame = page.partition("<iframe")[2].partition(">")[0]
    assert " sandbox srcdoc=" in frame
    assert "allow" not in frame.partition("srcdoc")[0]
    assert "/acknowledge/" not in page
    assert "/unsubscribe/" not in page


def test_a_preview_without_any_message_is_an_example(browser: Client) -> None:
    page = browser.get(address("subscription", "preview", follow("ana@example.org").pk))
    assert "An example: nothing that it follows was missed yet." in page.content.decode()


# --- Webhooks and messages ------------------------------------------------------------------


def test_the_secret_of_a_webhook_is_shown_once(browser: Client, receiver: Receiver) -> None:
    values = {"name": "Cases", "kind": "standard", "url": receiver.url, "is_active": "on"}
    made = browser.post(address("webhook", "add"), values)
    webhook = Webhook.objects.get()
    assert webhook.secret in made.content.decode()
    assert "no-store" in made["Cache-Control"]

    rotate = address("webhook", "rotate", webhook.pk)
    assert webhook.secret not in browser.get(rotate).content.decode()
    rotated = browser.post(rotate).content.decode()
    former = webhook.secret
    webhook.refresh_from_db()
    assert webhook.former_secret == former != webhook.secret
    assert webhook.secret in rotated
    assert former not in rotated

    for page in (
        address("webhook", "changelist"),
        address("webhook", "change", webhook.pk),
        address("webhook", "history", webhook.pk),
        rotate,
    ):
        shown = browser.get(page).content.decode()
        assert webhook.secret not in shown
        assert former not in shown


def test_an_unsafe_address_is_refused_at_the_address(browser: Client) -> None:
    values = {"name": "Cases", "kind": "standard", "is_active": "on"}
    for url, kind, said in (
        ("https://127.0.0.1/hook", "standard", "private or local network"),
        ("http://example.org/hook", "standard", "https://"),
        ("", "standard", "required"),
        ("mailto://ana@example.org", "chat", "not the address of a chat"),
    ):
        response = browser.post(address("webhook", "add"), {**values, "url": url, "kind": kind})
        assert said in " ".join(errors(response)["url"]), url
    assert not Webhook.objects.exists()


def test_a_webhook_is_changed_and_switched_off(browser: Client, receiver: Receiver) -> None:
    webhook = standard_webhook(receiver.url)
    url = address("webhook", "change", webhook.pk)
    values = {**filled_in(browser, url), "name": "Case system"}
    del values["is_active"]
    assert browser.post(url, values).status_code == 302
    kept = Webhook.objects.get()
    assert (kept.name, kept.is_active, kept.secret) == ("Case system", False, webhook.secret)


def test_the_address_of_a_chat_is_never_shown_and_kept_when_left_empty(
    browser: Client, viewer: Client
) -> None:
    webhook = chat()
    pages = [address("webhook", "changelist"), address("webhook", "change", webhook.pk)]
    for client in (browser, viewer):
        for page in pages:
            shown = client.get(page).content.decode()
            assert "T0000000A" not in shown
            assert "https://hooks.slack.com/…" in shown
    values = {**filled_in(browser, pages[1]), "name": "Contracts team"}
    assert values["url"] == ""
    assert browser.post(pages[1], values).status_code == 302
    webhook.refresh_from_db()
    assert (webhook.name, webhook.url) == ("Contracts team", CHAT)


def test_a_chat_has_no_secret_to_rotate(browser: Client) -> None:
    webhook = chat()
    assert "rotate" not in browser.get(address("webhook", "change", webhook.pk)).content.decode()
    assert browser.post(address("webhook", "rotate", webhook.pk)).status_code == 403


def test_a_message_is_sent_once_more(browser: Client, missed: Deadline) -> None:
    message = message_of(missed, "webhook:1", webhook=standard_webhook())
    url = address("message", "send_again", message.pk)
    assert "Cases" in browser.get(address("message", "changelist")).content.decode()
    browser.get(url)
    message.refresh_from_db()
    assert message.state == "sent"

    browser.post(url)
    message.refresh_from_db()
    assert message.state == "waiting"
    again = browser.post(url, follow=True)
    assert "This message is already waiting to be sent." in again.content.decode()


# --- Silences -------------------------------------------------------------------------------


def silence_form(**values: Any) -> dict[str, Any]:
    """A silence until the end of tomorrow as the page posts it."""
    tomorrow = (timezone.now() + timedelta(days=1)).date()
    return {
        "agreement": "supply", "deadline": "", "until_on": tomorrow.isoformat(),
        "until_time": "", "timezone": "UTC", "reason": "The parties talk.", **values,
    }  # fmt: skip


def test_a_silence_is_begun_from_a_deadline_and_ended(
    browser: Client, desk: User, missed: Deadline
) -> None:
    begin = browser.get(address("deadline", "silence", missed.pk))
    form = browser.get(begin["Location"]).context["adminform"].form
    assert form.initial["deadline"] == missed.pk
    assert form.initial["agreement"] == "supply"
    assert form.initial["timezone"] == missed.timezone

    response = browser.post(address("silence", "add"), silence_form(deadline=str(missed.pk)))
    assert response.status_code == 302, errors(response)
    silence = Silence.objects.get()
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    assert silence.until_at == today + timedelta(days=2)
    assert (silence.deadline, silence.created_by) == (missed, desk)
    page = browser.get(address("deadline", "change", missed.pk)).content.decode()
    assert "The parties talk." in page

    end = address("silence", "end_now", silence.pk)
    browser.get(end)
    silence.refresh_from_db()
    assert silence.ended_at is None
    browser.post(end)
    silence.refresh_from_db()
    assert silence.ended_at is not None
    page = browser.get(address("deadline", "change", missed.pk)).content.decode()
    assert "The parties talk." not in page


def test_a_silence_is_refused_on_its_field(browser: Client, missed: Deadline) -> None:
    other = agree(ref="other", as_of=utc("2026-02-01T00:00"))
    for values, place, said in (
        ({"deadline": str(other.pk)}, "deadline", "has no deadline"),
        ({"until_on": "2026-01-01"}, "until_on", "Give an instant within"),
        ({"until_on": "2126-01-01"}, "until_on", "within 366 days"),
        ({"until_on": ""}, "until_on", "required"),
        ({"timezone": "Berlin"}, "timezone", "Europe/Berlin"),
        ({"reason": ""}, "reason", "required"),
        ({"agreement": ""}, "agreement", "required"),
    ):
        response = browser.post(address("silence", "add"), silence_form(**values))
        assert said in " ".join(errors(response)[place]), values
    assert not Silence.objects.exists()


def test_open_silences_stand_first(browser: Client, desk: User, missed: Deadline) -> None:
    now = timezone.now()
    rows = [("over", now), ("later", None), ("next", None)]
    for number, (reason, ended_at) in enumerate(rows):
        Silence.objects.create(
            agreement=missed.agreement,
            until_at=now + timedelta(days=9 - number),
            reason=reason,
            created_at=now,
            created_by=desk,
            ended_at=ended_at,
        )
    found = browser.get(address("silence", "changelist")).context["cl"].result_list
    assert [silence.reason for silence in found] == ["next", "later", "over"]


# --- Feeds ----------------------------------------------------------------------------------


def test_a_feed_is_made_its_address_shown_once_and_revoked(browser: Client) -> None:
    agree()
    made = browser.post(address("feed", "add"), {"name": "phone", "agreement": "supply"})
    shown = made.context["secret"].value
    path = shown[shown.index("/feeds/") :]
    assert Client().get(path).status_code == 200
    assert "no-store" in made["Cache-Control"]
    feed = Feed.objects.get()
    for page in (address("feed", "changelist"), address("feed", "change", feed.pk)):
        assert path not in browser.get(page).content.decode()

    revoke = address("feed", "revoke", feed.pk)
    browser.get(revoke)
    assert Client().get(path).status_code == 200
    browser.post(revoke)
    assert Client().get(path).status_code == 404


def test_everybody_sees_their_own_feeds_and_a_superuser_all(browser: Client) -> None:
    clerk = logged_in(staff("clerk@example.org", "add_feed", "view_feed", "view_deadline"))
    clerk.post(address("feed", "add"), {"name": "mine", "agreement": ""})
    browser.post(address("feed", "add"), {"name": "of the desk", "agreement": ""})
    listing = address("feed", "changelist")
    assert "of the desk" not in clerk.get(listing).content.decode()
    assert "mine" in browser.get(listing).content.decode()
    other = Feed.objects.get(name="of the desk")
    assert clerk.post(address("feed", "revoke", other.pk)).status_code == 404
    other.refresh_from_db()
    assert other.revoked_at is None


# --- Acknowledging --------------------------------------------------------------------------


def test_a_breach_is_acknowledged_for_a_week(browser: Client, desk: User, missed: Deadline) -> None:
    url = address("deadline", "acknowledge", missed.pk)
    browser.get(url)
    assert Breach.objects.get().acknowledged_at is None

    now = timezone.now()
    assert browser.post(url, {"timezone": "UTC"}).status_code == 302
    breach = Breach.objects.get()
    assert breach.acknowledged_until is not None
    assert abs(breach.acknowledged_until - now - timedelta(days=7)) < timedelta(minutes=5)
    assert breach.acknowledged_as == desk.email
    for page in (address("breach", "changelist"), address("deadline", "change", missed.pk)):
        assert desk.email in browser.get(page).content.decode().partition("Breaches")[2]


def test_a_breach_is_acknowledged_until_an_instant_or_refused_there(
    browser: Client, missed: Deadline
) -> None:
    breach = Breach.objects.get()
    url = address("breach", "acknowledge", breach.pk)
    wrong = browser.post(url, {"until_on": "2026-01-01", "timezone": "UTC"})
    assert "Give an instant within" in " ".join(errors(wrong)["until_on"])
    on = (timezone.now() + timedelta(days=3)).date()
    values = {"until_on": on.isoformat(), "until_time": "12:00", "timezone": "Asia/Shanghai"}
    assert browser.post(url, values).status_code == 302
    breach.refresh_from_db()
    assert breach.acknowledged_until == utc(f"{on}T04:00")


def test_only_what_is_missed_can_be_acknowledged(browser: Client) -> None:
    deadline = agree(duty(due_on="2099-01-01"))
    page = browser.get(address("deadline", "change", deadline.pk)).content.decode()
    assert "acknowledge" not in page
    assert browser.post(address("deadline", "acknowledge", deadline.pk)).status_code == 403


# --- Ladders --------------------------------------------------------------------------------


def test_a_ladder_is_written_without_json(browser: Client) -> None:
    agree()
    values = agreement_form(
        ladder_reminders="10 business days, 3",
        ladder_escalations="none",
        **{
            "obligations-0-ladder_reminders": "1 business day",
            "obligations-0-ladder_escalations": "2, 14",
        },
    )
    response = browser.post(address("agreement", "add"), values)
    assert response.status_code == 302, errors(response)
    agreement = Agreement.objects.get(ref="supply-2026")
    assert agreement.ladder == {
        "reminders": [{"count": 10, "unit": "business_days"}, {"count": 3, "unit": "days"}],
        "escalations": [],
    }
    stored = Obligation.objects.get(agreement=agreement).ladder
    assert stored == {
        "reminders": [{"count": 1, "unit": "business_days"}],
        "escalations": [{"count": 2, "unit": "days"}, {"count": 14, "unit": "days"}],
    }

    url = address("agreement", "change", agreement.pk)
    posted = filled_in(browser, url)
    assert posted["ladder_reminders"] == "10 business days, 3"
    assert posted["ladder_escalations"] == "none"
    assert posted["obligations-0-ladder_reminders"] == "1 business day"
    posted["title"] = "Another title"
    assert browser.post(url, posted).status_code == 302
    kept = Agreement.objects.get(pk=agreement.pk)
    assert (kept.title, kept.ladder) == ("Another title", agreement.ladder)
    assert Obligation.objects.get(agreement=agreement).ladder == stored

    cleared = {**posted, "ladder_reminders": "", "ladder_escalations": ""}
    assert browser.post(url, cleared).status_code == 302
    assert Agreement.objects.get(pk=agreement.pk).ladder is None


def test_one_empty_half_of_an_agreements_ladder_is_the_default(browser: Client) -> None:
    agree()
    browser.post(address("agreement", "add"), agreement_form(ladder_reminders="5"))
    ladder = Agreement.objects.get(ref="supply-2026").ladder
    assert ladder is not None
    assert ladder["reminders"] == [{"count": 5, "unit": "days"}]
    assert [rung["count"] for rung in ladder["escalations"]] == [1, 7, 30]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("ladder_reminders", "soon", "is no number of days"),
        ("ladder_reminders", "1, ,2", "is no number of days"),
        ("ladder_reminders", "2 weeks", "is no number of days"),
        ("ladder_reminders", "0", "greater than or equal to 1"),
        ("ladder_escalations", "400", "less than or equal to 366"),
        ("ladder_escalations", "7, 7", "only once"),
        ("obligations-0-ladder_reminders", "x", "is no number of days"),
        ("obligations-0-ladder_reminders", "999", "less than or equal to 366"),
    ],
)
def test_a_ladder_is_refused_on_its_field(browser: Client, name: str, text: str, said: str) -> None:
    agree()
    both = {"obligations-0-ladder_escalations": "1"} if name.startswith("obligations") else {}
    response = browser.post(address("agreement", "add"), agreement_form(**{**both, name: text}))
    assert said in " ".join(errors(response)[name])
    assert Agreement.objects.count() == 1


def test_half_a_ladder_of_an_obligation_is_refused(browser: Client) -> None:
    agree()
    values = agreement_form(**{"obligations-0-ladder_reminders": "5"})
    response = browser.post(address("agreement", "add"), values)
    assert "Write both" in " ".join(errors(response)["obligations-0-ladder_escalations"])


def test_who_may_only_look_sees_the_ladder(viewer: Client) -> None:
    ladder = {"reminders": [{"count": 44, "unit": "business_days"}], "escalations": []}
    deadline = agree(duty(ladder=ladder), ladder=ladder)
    for page in (
        address("agreement", "change", deadline.agreement_id),
        address("obligation", "change", deadline.obligation_id),
    ):
        assert "44 business days" in viewer.get(page).content.decode()


# --- Is the service well? -------------------------------------------------------------------


def test_what_an_audit_found_and_what_is_down_stand_on_the_first_page(
    browser: Client, missed: Deadline
) -> None:
    now = timezone.now()
    first = browser.get(reverse("admin:index")).content.decode()
    assert "found by the last audit" not in first

    breach = Breach.objects.get()
    problem = {"about": "breach", "id": breach.pk, "detail": "ana <b> has no alert about it."}
    audit = Audit.objects.create(
        started_at=now, ended_at=now, breaches=1, alerts=0, problems=[problem]
    )
    Outage.objects.create(part="sweep", began_at=now - timedelta(hours=3), told_at=now)
    Outage.objects.create(part="broker", began_at=now, told_at=now, ended_at=now)
    first = browser.get(reverse("admin:index")).content.decode()
    assert "found by the last audit" in first
    assert "sweep down" in first
    assert "The sweep has stopped" in first
    assert "broker down" not in first

    page = browser.get(address("audit", "change", audit.pk)).content.decode()
    assert "ana &lt;b&gt; has no alert about it." in page
    assert address("breach", "change", breach.pk) in page

    Audit.objects.create(started_at=now, ended_at=now, breaches=1, alerts=0)
    first = browser.get(reverse("admin:index")).content.decode()
    assert "found by the last audit" not in first


# --- Rights ---------------------------------------------------------------------------------


def everything(missed: Deadline, desk: User) -> dict[str, tuple[str, int]]:
    """The buttons that act, each with the row that it acts on."""
    message = message_of(missed, "ana@example.org")
    now = timezone.now()
    silence = Silence.objects.create(
        agreement=missed.agreement,
        until_at=now + timedelta(days=1),
        reason="x",
        created_at=now,
        created_by=desk,
    )
    viewer = User.objects.get(email="viewer@example.org")
    feed = Feed.objects.create(name="x", owner=viewer, token_hash=b"x", created_at=now)
    return {
        "send_test": ("subscription", follow("ana@example.org").pk),
        "rotate": ("webhook", standard_webhook().pk),
        "send_again": ("message", message.pk),
        "end_now": ("silence", silence.pk),
        "revoke": ("feed", feed.pk),
        "acknowledge": ("breach", missed.breaches.get().pk),
    }


def state_of_all() -> list[Any]:
    return [
        list(model.objects.order_by("pk").values())
        for model in (Subscription, Webhook, Message, Silence, Feed, Breach)
    ]


def test_who_may_only_look_acts_nowhere(
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


def test_every_button_needs_a_post_from_our_own_page(
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
