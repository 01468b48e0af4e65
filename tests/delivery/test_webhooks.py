"""Webhooks are signed as Standard Webhooks specifies, and never reach private addresses."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from compliance import delivery
from compliance.delivery import http_client, outbox, webhooks
from compliance.delivery.answers import Answer
from compliance.domain.alerts.drafts import SubscriptionDraft, WebhookDraft
from compliance.domain.alerts.webhook_urls import UnsafeAddress
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.domain.vocabulary import AttemptOutcome
from compliance.models import Message, User, Webhook
from compliance.operations.alerts import subscriptions
from compliance.operations.alerts import webhooks as operations
from compliance.operations.deadlines import sweep
from tests.delivery.conftest import Receiver, Sink
from tests.samples import create_agreement, utc

VECTOR = json.loads((Path(__file__).parent / "standard_webhooks.json").read_text())
CASE = VECTOR["cases"][0]
SENT_AT = datetime.fromtimestamp(CASE["webhook-timestamp"], UTC)
NOW = utc("2026-03-20T00:00")


def test_signatures_match_the_published_vector() -> None:
    payload = CASE["payload"].encode()
    headers = webhooks.sign(
        [CASE["secret"]], message_id=CASE["webhook-id"], sent_at=SENT_AT, payload=payload
    )
    assert headers["webhook-signature"] == CASE["expected_webhook-signature"]
    with time_machine.travel(SENT_AT, tick=False):
        Verifier(CASE["secret"]).verify(payload, headers)


def test_a_signature_covers_every_byte() -> None:
    payload = CASE["payload"].encode()
    good = webhooks.sign(
        [CASE["secret"]], message_id=CASE["webhook-id"], sent_at=SENT_AT, payload=payload
    )
    verifier = Verifier(CASE["secret"])
    tried = 0
    with time_machine.travel(SENT_AT, tick=False):
        for place in range(len(payload)):
            changed = bytearray(payload)
            changed[place] ^= 1
            with pytest.raises(WebhookVerificationError):
                verifier.verify(bytes(changed), good)
            tried += 1
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
            for place, each in enumerate(good[name]):
                # Two characters of base64 can stand for the same last bits.
                other = "7" if each not in "7=" else "g"
                headers = {**good, name: good[name][:place] + other + good[name][place + 1 :]}
                with pytest.raises((WebhookVerificationError, ValueError)):
                    verifier.verify(payload, headers)
                tried += 1
    assert tried > 100


def test_both_secrets_verify_during_a_rotation() -> None:
    new, former = webhooks.new_secret(), webhooks.new_secret()
    now = datetime.now(UTC)
    headers = webhooks.sign([new, former], message_id="m", sent_at=now, payload=b"{}")
    for secret in (new, former):
        Verifier(secret).verify(b"{}", headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(webhooks.new_secret()).verify(b"{}", headers)


def test_retries_span_three_days_and_end() -> None:
    waits = [webhooks.next_attempt_after(count) for count in range(1, 40)]
    given = [each for each in waits if each is not None]
    assert timedelta(days=2, hours=12) < sum(given, timedelta()) <= timedelta(days=3)
    assert given == sorted(given)
    assert waits[len(given)] is None


UNSAFE = (
    "http://example.org/", "ftp://example.org/", "example.org", "", "https://", "https:///x",
    "https://user:secret@example.org/", "https://localhost/", "https://127.0.0.1/",
    "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://017700000001/",
    "https://0.0.0.0/", "https://10.0.0.1/", "https://172.16.3.4/", "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/", "https://100.64.0.1/", "https://224.0.0.1/",
    "https://255.255.255.255/", "https://[::1]/", "https://[::]/", "https://[fe80::1]/",
    "https://[fc00::1]/", "https://[fd12:3456::1]/", "https://[fec0::1]/", "https://[ff02::1]/",
    "https://[::ffff:127.0.0.1]/", "https://[::ffff:10.0.0.1]/", "https://[2002:7f00:1::]/",
    "https://[64:ff9b::7f00:1]/", "https://[64:ff9b::a9fe:a9fe]/", "https://198.18.0.1/",
    "https://192.0.2.1/", "https://no-such-name.invalid/", "https://example.org:99999/",
    "https://exa mple.org/", "https://example.org/\r\nHost: x", "https://192.0.0.192/opc/v2/",
    "https://168.63.129.16/", "https://192.88.99.1/", "https://[64:ff9b:1::7f00:1]/",
    "https://[::127.0.0.1]/", "https://[2001:0:7f00:1::]/", "https://[::ffff:7f00:1]/",
    "https://[fe80::1%25lo]/", "https://[::1%25lo]/", "https://[::1", "https://[v1.a]/",
    "https://LOCALHOST./", "https://127.0.0.1./", "https://127.0.1/", "https://0177.0.0.1/",
    "https://0x7f.1/", "https://00000000177.1/", "https://017700000001:443/", "https://0/",
    "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/", "https://127\u30020\u30020\u30021/",
    "https://①②⑦.0.0.1/", "https://bücher.example/", "https://example.org/café",
    "https://127.0.0.1%2f.example.org/", "https://%31%32%37.0.0.1/",
    "https://example.org@127.0.0.1/",
    "https://example.org:x@127.0.0.1/", "https://@127.0.0.1/", "https://127.0.0.1\\@example.org/",
    "https://127.0.0.1\\.example.org/", "https:\\\\127.0.0.1/", "https:/127.0.0.1/",
    "https:127.0.0.1",
    "https://\t127.0.0.1/", "https://127.0.0.1\t/", "HTTPS://127.0.0.1/", "hTTp://example.org/",
    "https://127.0.0.1:0/", "https://93.184.216.34:0/", "https://127.0.0.1:25/",
    "https://example.org:-1/",
    "https://127.0.0.1#@example.org/", "https://127.0.0.1?@example.org/", "//127.0.0.1/",
    f"https://{'a' * 64}.example/", f"https://{'a.' * 900}example/", "https://xn--/", "https://.../",
)  # fmt: skip


@pytest.mark.parametrize("url", UNSAFE)
@pytest.mark.django_db
def test_an_unsafe_url_is_refused_when_saved_and_when_sent(url: str) -> None:
    with pytest.raises(UnsafeAddress):
        webhooks.refuse_unsafe(url)
    with pytest.raises(Invalid):
        operations.create(draft=WebhookDraft.model_construct(name="x", url=url), by=None, as_of=NOW)
    assert not Webhook.objects.exists()
    answer = webhooks.post(
        url=url, secrets=[webhooks.new_secret()], message_id="m", payload=b"{}", now=NOW
    )
    assert answer.outcome is AttemptOutcome.DEFERRED


def test_dns_rebinding_does_not_reach_a_private_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    called: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
        called.append(address[0])
        raise OSError("not in a test")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    webhooks.post(
        url="https://rebinding.example/", secrets=[webhooks.new_secret()], message_id="m",
        payload=b"{}", now=NOW,
    )  # fmt: skip
    assert (asked, called) == (["rebinding.example"], ["93.184.216.34"])
    second = webhooks.post(
        url="https://rebinding.example/", secrets=[webhooks.new_secret()], message_id="m",
        payload=b"{}", now=NOW,
    )  # fmt: skip
    assert "private" in second.text
    assert called == ["93.184.216.34"]


def test_a_host_with_any_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for private in ("10.0.0.1", "::1", "fe80::1%eth0", "64:ff9b::a00:1", "100.100.100.200"):
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
            for address in ("93.184.216.34", private, "93.184.216.35")
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, found=found, **__: found)
        with pytest.raises(UnsafeAddress, match="private"):
            webhooks.refuse_unsafe("https://several.example/")


def call(url: str) -> Answer:
    return webhooks.post(
        url=url, secrets=[webhooks.new_secret()], message_id="m", payload=b"{}", now=NOW
    )


def test_proxies_in_the_environment_are_ignored(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert call(receiver.url).outcome is AttemptOutcome.SENT


@contextmanager
def raw_server(speak: Callable[[socket.socket], None]) -> Iterator[tuple[int, list[int]]]:
    """Run a server that handles each connection with `speak`; yield its port and its calls."""
    called: list[int] = []
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            if ended.is_set():
                line.close()
                return
            called.append(1)
            threading.Thread(target=answer, args=(line,), daemon=True).start()

    def answer(line: socket.socket) -> None:
        with suppress(OSError), line:
            speak(line)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1], called
    finally:
        ended.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        listener.close()


def repeating(first: bytes, again: bytes, pause: float = 0.0) -> Callable[[Any], None]:
    def speak(line: socket.socket) -> None:
        line.recv(65536)
        line.sendall(first)
        # Ends when the client hangs up.
        for _ in range(2_000_000):
            line.sendall(again)
            time.sleep(pause)

    return speak


def once(text: bytes) -> Callable[[Any], None]:
    def speak(line: socket.socket) -> None:
        line.recv(65536)
        line.sendall(text)
        line.recv(1)

    return speak


BOMB = gzip.compress(bytes(50_000_000))
ODD_ANSWERS = {
    "endless headers": (repeating(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), "deferred"),
    "one endless header": (repeating(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 9999), "deferred"),
    "headers that drip": (repeating(b"HTTP/1.1 200 OK\r\n", b"X", 0.1), "sent"),
    "always to be continued": (repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "deferred"),
    "no HTTP": (repeating(b"\x00\xff\xfe", b"\x00" * 9999), "deferred"),
    "a body without an end": (repeating(b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 9999), "sent"),
    "a body that drips": (repeating(b"HTTP/1.1 200 OK\r\n\r\n", b"y", 0.1), "sent"),
    "unreadable text": (repeating(b"HTTP/1.1 200 OK\r\n\r\n\x00\xff", b"\x00" * 9999), "sent"),
    "a gzip bomb": (
        repeating(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + BOMB, BOMB),
        "sent",
    ),
    "broken gzip": (
        repeating(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nxx", b"x" * 9999),
        "sent",
    ),
    "a status that is none": (once(b"HTTP/1.1 999999 \r\n\r\n"), "deferred"),
    "a hang-up": (lambda line: None, "deferred"),
}


@pytest.mark.parametrize("case", ODD_ANSWERS)
def test_odd_answers_of_a_receiver_end_the_call_and_are_recorded(
    case: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOKS_MAY_BE_PRIVATE = True
    monkeypatch.setattr(http_client, "_TOTAL_SECONDS", 1.0)
    speak, outcome = ODD_ANSWERS[case]
    with raw_server(speak) as (port, _):
        begun = time.monotonic()
        answer = call(f"http://127.0.0.1:{port}/")
        assert time.monotonic() - begun < 8
    assert answer.outcome == outcome
    assert "\x00" not in answer.text
    assert len(answer.text) <= 300


def test_a_slow_tls_handshake_is_cut_off(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WEBHOOKS_MAY_BE_PRIVATE = True
    monkeypatch.setattr(http_client, "_TOTAL_SECONDS", 1.0)
    monkeypatch.setattr(http_client, "_CONNECT_SECONDS", 2.0)
    # The beginning of a handshake record of 16,384 bytes, then one byte at a time.
    drip = repeating(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", b"\x00", 0.2)
    with raw_server(drip) as (port, _):
        begun = time.monotonic()
        assert call(f"https://127.0.0.1:{port}/").outcome is AttemptOutcome.DEFERRED
        assert time.monotonic() - begun < 8


def test_a_certificate_must_be_trusted_and_name_the_host(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOKS_MAY_BE_PRIVATE = True
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=hooks.example", "-addext",
         "subjectAltName=DNS:hooks.example", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def speak(line: socket.socket) -> None:
        with context.wrap_socket(line, server_side=True) as secured:
            said = b""
            while not said.endswith(b"{}"):
                part = secured.recv(65536)
                if not part:  # the client hung up
                    return
                said += part
            secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with raw_server(speak) as (port, _):
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        untrusted = call(f"https://hooks.example:{port}/")
        assert "certificate" in untrusted.text.lower()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert call(f"https://hooks.example:{port}/").outcome is AttemptOutcome.SENT
        misnamed = call(f"https://other.example:{port}/")
        assert (misnamed.outcome, "match" in misnamed.text) == (AttemptOutcome.DEFERRED, True)


@pytest.mark.django_db
def test_a_silent_receiver_is_called_once_per_run_and_does_not_delay_others(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "_TOTAL_SECONDS", 0.5)
    with raw_server(lambda line: time.sleep(3)) as (port, called):
        for number in range(5):
            create_agreement(ref=f"a-{number}")
        for name, url in (("Silent", f"http://127.0.0.1:{port}/"), ("Desk", receiver.url)):
            webhook = operations.create(
                draft=read(WebhookDraft, {"name": name, "url": url}), by=None, as_of=NOW
            )
            subscriptions.create(draft=read(SubscriptionDraft, {"webhook": webhook.pk}), by=None)
        now = datetime.now(UTC)
        sweep.run(as_of=now)
        delivery.deliver(as_of=now)
        report = delivery.call_webhooks(as_of=now)
        assert (report.sent, report.deferred, len(called)) == (5, 1, 1)
        waiting = Message.objects.filter(state="waiting")
        assert sorted(waiting.values_list("attempt_count", flat=True)) == [0, 0, 0, 0, 1]


@pytest.mark.django_db
def test_a_webhook_run_ends_in_time_and_leaves_the_rest_to_the_next(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compliance.delivery.run.WEBHOOKS_SECONDS", 2)
    receiver.wait = 0.6
    for number in range(6):
        create_agreement(ref=f"a-{number}")
    webhook = operations.create(
        draft=read(WebhookDraft, {"name": "Slow", "url": receiver.url}), by=None, as_of=NOW
    )
    subscriptions.create(draft=read(SubscriptionDraft, {"webhook": webhook.pk}), by=None)
    now = datetime.now(UTC)
    sweep.run(as_of=now)
    delivery.deliver(as_of=now)
    sent = [delivery.call_webhooks(as_of=now).sent]
    assert 1 <= sent[0] < 6
    while len(sent) < 10 and sum(sent) < 6:
        sent.append(delivery.call_webhooks(as_of=now + len(sent) * timedelta(seconds=5)).sent)
    assert sum(sent) == len(receiver.received) == 6


def test_a_heartbeat_does_not_wait_for_the_body_of_the_answer(settings: Any) -> None:
    endless = repeating(b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 9999)
    with raw_server(endless) as (port, called):
        settings.HEARTBEAT_URL = f"http://127.0.0.1:{port}/secret"
        begun = time.monotonic()
        assert delivery.beat()
        assert time.monotonic() - begun < 8
        assert called == [1]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, AttemptOutcome.SENT), (204, AttemptOutcome.SENT), (302, AttemptOutcome.DEFERRED),
        (400, AttemptOutcome.DEFERRED), (410, AttemptOutcome.REFUSED),
        (500, AttemptOutcome.DEFERRED),
    ],
)  # fmt: skip
def test_the_status_of_the_answer_decides_the_outcome(
    receiver: Receiver, status: int, outcome: AttemptOutcome
) -> None:
    receiver.status = status
    answer = webhooks.post(
        url=receiver.url, secrets=[webhooks.new_secret()], message_id="m", payload=b"{}", now=NOW
    )
    assert answer.outcome is outcome
    assert len(answer.text) <= 300
    assert len(receiver.received) == 1, "a redirect is not followed"


def test_a_slow_answer_is_cut_off(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_TOTAL_SECONDS", 1.0)
    receiver.drip = 0.2
    begun = time.monotonic()
    answer = webhooks.post(
        url=receiver.url, secrets=[webhooks.new_secret()], message_id="m", payload=b"{}", now=NOW
    )
    assert answer.outcome is AttemptOutcome.DEFERRED
    assert time.monotonic() - begun < 6


@pytest.mark.django_db
def test_a_breach_reaches_a_webhook_signed_and_can_be_redelivered(
    receiver: Receiver,
) -> None:
    create_agreement()
    draft = read(WebhookDraft, {"name": "Desk", "url": receiver.url})
    webhook = operations.create(draft=draft, by=None, as_of=NOW)
    subscriptions.create(draft=read(SubscriptionDraft, {"webhook": webhook.pk}), by=None)
    now = datetime.now(UTC)
    sweep.run(as_of=now)
    delivery.deliver(as_of=now)
    receiver.status = 500
    assert delivery.call_webhooks(as_of=now).deferred == 1
    receiver.status = 200
    assert delivery.call_webhooks(as_of=now).sent == 0
    assert delivery.call_webhooks(as_of=now + timedelta(seconds=40)).sent == 1
    first, second = receiver.received
    message = Message.objects.get()
    assert first[0]["webhook-id"] == second[0]["webhook-id"] == message.message_id.strip("<>")
    verified = Verifier(webhook.secret).verify(second[1], second[0])
    assert verified["data"]["alerts"][0]["title"] == "Deliver lot O-1"
    operations.redeliver(message=message, as_of=now)
    assert delivery.call_webhooks(as_of=now).sent == 1
    assert receiver.received[2][0]["webhook-id"] == first[0]["webhook-id"]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120), (" 120 ", 120), ("86400", 86400), ("86401", 86400), ("9" * 5000, 86400),
        ("Fri, 20 Mar 2026 00:05:00 GMT", 300), ("Friday, 20-Mar-26 00:05:00 GMT", 300),
        ("Fri Mar 20 00:05:00 2026", 300), ("Fri, 20 Mar 2027 00:05:00 GMT", 86400),
        ("Thu, 19 Mar 2026 00:05:00 GMT", None), ("0", None), ("-5", None), ("soon", None),
        ("", None), (None, None), ("1.5", None), ("\u0661\u0662", None), ("\x00", None),
        ("Fri, 99 Mar 2026 00:05:00 GMT", None),
    ],
)  # fmt: skip
def test_a_requested_wait_is_read_in_seconds_or_as_a_date_and_limited(
    header: str | None, seconds: int | None
) -> None:
    wait = webhooks.requested_wait(header, now=NOW)
    assert wait == (None if seconds is None else timedelta(seconds=seconds))


def follow_by_webhook(receiver: Receiver, *agreements: str) -> Webhook:
    """Create a webhook that follows everything, and agreements with a missed deadline each."""
    draft = read(WebhookDraft, {"name": "Desk", "url": receiver.url})
    webhook = operations.create(draft=draft, by=None, as_of=NOW)
    subscriptions.create(draft=read(SubscriptionDraft, {"webhook": webhook.pk}), by=None)
    for ref in agreements:
        create_agreement(ref=ref)
    return webhook


@pytest.mark.django_db
def test_no_message_reaches_a_receiver_before_the_pause_that_it_asked_for_is_over(
    receiver: Receiver,
) -> None:
    follow_by_webhook(receiver, "a", "b")
    now = datetime.now(UTC)
    sweep.run(as_of=now)
    delivery.deliver(as_of=now)
    receiver.status, receiver.retry_after = 429, "600"
    assert delivery.call_webhooks(as_of=now).deferred == 1
    receiver.status = 200
    for seconds in (30, 590):
        delivery.call_webhooks(as_of=now + timedelta(seconds=seconds))
    assert len(receiver.received) == 1
    assert delivery.call_webhooks(as_of=now + timedelta(seconds=620)).sent == 2


@pytest.mark.django_db
def test_a_shorter_request_does_not_bring_the_end_of_the_retries_nearer(
    receiver: Receiver,
) -> None:
    follow_by_webhook(receiver, "a")
    now = datetime.now(UTC)
    sweep.run(as_of=now)
    delivery.deliver(as_of=now)
    receiver.status, receiver.retry_after = 503, "1"
    delivery.call_webhooks(as_of=now)
    waits = Message.objects.get().next_attempt_at - now
    assert timedelta(seconds=5) <= waits < timedelta(seconds=20)


@pytest.mark.django_db
def test_a_receiver_that_is_gone_is_switched_off_and_the_administrators_are_notified(
    receiver: Receiver, sink: Sink
) -> None:
    User.objects.create_superuser(email="admin@example.org", password="x")
    webhook = follow_by_webhook(receiver, "a", "b")
    now = datetime.now(UTC)
    sweep.run(as_of=now)
    delivery.deliver(as_of=now)
    receiver.status = 410
    for seconds in (0, 60, 120):
        delivery.call_webhooks(as_of=now + timedelta(seconds=seconds))
    assert len(receiver.received) == 1
    webhook.refresh_from_db()
    assert not webhook.is_active
    assert sink.subjects == ["Pacta: webhook Desk was switched off"]
    assert set(Message.objects.values_list("state", flat=True)) == {"failed"}


@pytest.mark.django_db
def test_a_corrected_address_is_not_switched_off_by_an_answer_from_the_former_one(
    receiver: Receiver,
) -> None:
    webhook = follow_by_webhook(receiver)
    Webhook.objects.filter(pk=webhook.pk).update(url=f"{receiver.url}&moved=1")
    outbox.switch_off(webhook)
    outbox.pause(webhook, until=NOW)
    webhook.refresh_from_db()
    assert (webhook.is_active, webhook.paused_until) == (True, None)


@pytest.mark.django_db
def test_a_webhook_that_is_activated_again_or_has_moved_is_called_at_once(
    receiver: Receiver,
) -> None:
    webhook = follow_by_webhook(receiver)
    outbox.pause(webhook, until=NOW)
    webhook.refresh_from_db()
    draft = {"name": "Desk", "url": receiver.url}
    operations.update(webhook=webhook, draft=read(WebhookDraft, draft), by=None)
    assert webhook.paused_until == NOW
    draft["url"] += "&moved=1"
    operations.update(webhook=webhook, draft=read(WebhookDraft, draft), by=None)
    assert webhook.paused_until is None
