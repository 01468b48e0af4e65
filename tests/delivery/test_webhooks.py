"""Webhooks: signed as the specification says, and never turned against our own network."""

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
from urllib.parse import unquote_plus

import pytest
import requests
import time_machine
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from compliance import delivery
from compliance.delivery import chats, http_client, webhooks
from compliance.delivery.answers import Answer
from compliance.domain.alerts.drafts import SubscriptionDraft, WebhookDraft
from compliance.domain.alerts.webhook_urls import UnsafeAddress
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.domain.vocabulary import AttemptOutcome
from compliance.models import Message, Webhook
from compliance.operations.alerts import subscriptions
from compliance.operations.alerts import webhooks as operations
from compliance.operations.deadlines import sweep
from tests.delivery.conftest import Receiver
from tests.samples import agree, utc

VECTOR = json.loads((Path(__file__).parent / "standard_webhooks.json").read_text())
CASE = VECTOR["cases"][0]
SENT_AT = datetime.fromtimestamp(CASE["webhook-timestamp"], UTC)
NOW = utc("2026-03-20T00:00")


def test_the_published_vector_passes_in_both_directions() -> None:
    payload = CASE["payload"].encode()
    headers = webhooks.sign(
        [CASE["secret"]], message_id=CASE["webhook-id"], sent_at=SENT_AT, payload=payload
    )
    assert headers["webhook-signature"] == CASE["expected_webhook-signature"]
    with time_machine.travel(SENT_AT, tick=False):
        Verifier(CASE["secret"]).verify(payload, headers)


def test_any_changed_byte_is_refused() -> None:
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


def test_while_a_secret_rotates_both_verify() -> None:
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
def test_an_unsafe_address_is_refused_at_save_and_at_send(url: str) -> None:
    with pytest.raises(UnsafeAddress):
        webhooks.refuse_unsafe(url)
    with pytest.raises(Invalid):
        operations.create(draft=WebhookDraft.model_construct(name="x", url=url), as_of=NOW)
    assert not Webhook.objects.exists()
    answer = webhooks.post(
        url=url, secrets=[webhooks.new_secret()], message_id="m", payload=b"{}", now=NOW
    )
    assert answer.outcome is AttemptOutcome.DEFERRED


def test_a_name_that_changes_its_address_between_look_and_call_gains_nothing(
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


def test_one_private_address_among_several_is_enough_to_refuse(
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


def test_no_proxy_of_the_environment_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert call(receiver.url).outcome is AttemptOutcome.SENT


@contextmanager
def raw_server(speak: Callable[[socket.socket], None]) -> Iterator[tuple[int, list[int]]]:
    """A server that says what it likes to whoever connects; its port, and who did."""
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
        listener.close()


def over_and_over(first: bytes, again: bytes, pause: float = 0.0) -> Callable[[Any], None]:
    def speak(line: socket.socket) -> None:
        line.recv(65536)
        line.sendall(first)
        for _ in range(2_000_000):
            line.sendall(again)
            time.sleep(pause)

    return speak


BOMB = gzip.compress(bytes(50_000_000))
ODD_ANSWERS = {
    "endless headers": (over_and_over(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), "deferred"),
    "one endless header": (over_and_over(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 9999), "deferred"),
    "headers that drip": (over_and_over(b"HTTP/1.1 200 OK\r\n", b"X", 0.1), "sent"),
    "always to be continued": (over_and_over(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "deferred"),
    "no HTTP": (over_and_over(b"\x00\xff\xfe", b"\x00" * 9999), "deferred"),
    "a body without an end": (over_and_over(b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 9999), "sent"),
    "a body that drips": (over_and_over(b"HTTP/1.1 200 OK\r\n\r\n", b"y", 0.1), "sent"),
    "unreadable text": (over_and_over(b"HTTP/1.1 200 OK\r\n\r\n\x00\xff", b"\x00" * 9999), "sent"),
    "a gzip bomb": (
        over_and_over(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + BOMB, BOMB),
        "sent",
    ),
    "broken gzip": (
        over_and_over(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nxx", b"x" * 9999),
        "sent",
    ),
    "a status that is none": (over_and_over(b"HTTP/1.1 999999 \r\n\r\n", b""), "deferred"),
    "a hang-up": (lambda line: None, "deferred"),
}


@pytest.mark.parametrize("case", ODD_ANSWERS)
def test_whatever_a_receiver_answers_the_call_ends_and_is_recorded(
    case: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOKS_MAY_BE_PRIVATE = True
    monkeypatch.setattr(http_client, "_TOTAL_SECONDS", 1.0)
    speak, outcome = ODD_ANSWERS[case]
    with raw_server(speak) as (port, _):
        begun = time.monotonic()
        answer = call(f"http://127.0.0.1:{port}/")
        assert time.monotonic() - begun < 5
    assert answer.outcome == outcome
    assert "\x00" not in answer.text
    assert len(answer.text) <= 300


def test_a_receiver_that_drips_in_the_handshake_is_cut_off(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOKS_MAY_BE_PRIVATE = True
    monkeypatch.setattr(http_client, "_TOTAL_SECONDS", 1.0)
    monkeypatch.setattr(http_client, "_CONNECT_SECONDS", 2.0)
    # The beginning of a handshake record of 16,384 bytes, then one byte at a time.
    drip = over_and_over(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", b"\x00", 0.2)
    with raw_server(drip) as (port, _):
        begun = time.monotonic()
        assert call(f"https://127.0.0.1:{port}/").outcome is AttemptOutcome.DEFERRED
        assert time.monotonic() - begun < 4


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
                said += secured.recv(65536)
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
def test_a_silent_receiver_is_called_once_in_a_run_and_holds_up_no_other(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "_TOTAL_SECONDS", 0.5)
    with raw_server(lambda line: time.sleep(3)) as (port, called):
        for number in range(5):
            agree(ref=f"a-{number}")
        for name, url in (("Silent", f"http://127.0.0.1:{port}/"), ("Desk", receiver.url)):
            webhook = operations.create(
                draft=read(WebhookDraft, {"name": name, "url": url}), as_of=NOW
            )
            subscriptions.create(draft=read(SubscriptionDraft, {"webhook": webhook.pk}))
        now = datetime.now(UTC)
        sweep.run(as_of=now)
        delivery.deliver(as_of=now)
        report = delivery.call_webhooks(as_of=now)
        assert (report.sent, report.deferred, len(called)) == (5, 1, 1)
        waiting = Message.objects.filter(state="waiting")
        assert sorted(waiting.values_list("attempt_count", flat=True)) == [0, 0, 0, 0, 1]


@pytest.mark.django_db
def test_a_run_of_webhooks_ends_and_leaves_the_rest_to_the_next(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compliance.delivery.run.WEBHOOKS_SECONDS", 0.3)
    receiver.wait = 0.2
    for number in range(6):
        agree(ref=f"a-{number}")
    webhook = operations.create(
        draft=read(WebhookDraft, {"name": "Slow", "url": receiver.url}), as_of=NOW
    )
    subscriptions.create(draft=read(SubscriptionDraft, {"webhook": webhook.pk}))
    now = datetime.now(UTC)
    sweep.run(as_of=now)
    delivery.deliver(as_of=now)
    sent = [delivery.call_webhooks(as_of=now).sent]
    assert 1 <= sent[0] < 6
    while len(sent) < 10 and sum(sent) < 6:
        sent.append(delivery.call_webhooks(as_of=now + len(sent) * timedelta(seconds=5)).sent)
    assert sum(sent) == len(receiver.received) == 6


def test_a_heartbeat_waits_for_no_body(settings: Any) -> None:
    endless = over_and_over(b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 9999)
    with raw_server(endless) as (port, called):
        settings.HEARTBEAT_URL = f"http://127.0.0.1:{port}/secret"
        begun = time.monotonic()
        assert delivery.beat()
        assert time.monotonic() - begun < 3
        assert called == [1]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, AttemptOutcome.SENT), (204, AttemptOutcome.SENT), (302, AttemptOutcome.DEFERRED),
        (400, AttemptOutcome.DEFERRED), (410, AttemptOutcome.REFUSED),
        (500, AttemptOutcome.DEFERRED),
    ],
)  # fmt: skip
def test_what_a_receiver_answers_decides(
    receiver: Receiver, status: int, outcome: AttemptOutcome
) -> None:
    receiver.status = status
    answer = webhooks.post(
        url=receiver.url, secrets=[webhooks.new_secret()], message_id="m", payload=b"{}", now=NOW
    )
    assert answer.outcome is outcome
    assert len(answer.text) <= 300
    assert len(receiver.received) == 1, "a redirect is not followed"


def test_a_receiver_that_drips_is_cut_off(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "_TOTAL_SECONDS", 1.0)
    receiver.drip = 0.2
    begun = time.monotonic()
    answer = webhooks.post(
        url=receiver.url, secrets=[webhooks.new_secret()], message_id="m", payload=b"{}", now=NOW
    )
    assert answer.outcome is AttemptOutcome.DEFERRED
    assert time.monotonic() - begun < 3


@pytest.mark.django_db
def test_a_miss_reaches_a_subscribed_webhook_signed_and_can_be_sent_again(
    receiver: Receiver,
) -> None:
    agree()
    draft = read(WebhookDraft, {"name": "Desk", "url": receiver.url})
    webhook = operations.create(draft=draft, as_of=NOW)
    subscriptions.create(draft=read(SubscriptionDraft, {"webhook": webhook.pk}))
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
    told = Verifier(webhook.secret).verify(second[1], second[0])
    assert told["data"]["alerts"][0]["title"] == "Deliver lot O-1"
    operations.redeliver(message=message, as_of=now)
    assert delivery.call_webhooks(as_of=now).sent == 1
    assert receiver.received[2][0]["webhook-id"] == first[0]["webhook-id"]


SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
FLOW = "a" * 32
NATIVE_FLOW = (
    f"/workflows/{FLOW}/triggers/manual/paths/invoke"
    f"?api-version=2016-06-01&sp=x&sv=1&sig={'b' * 43}"
)


@pytest.mark.parametrize(
    "url",
    ["json://127.0.0.1/", "xml://10.0.0.1", "mailto://a:b@example.org", "https://example.org/",
     "slack://", "nothing", "file:///etc/passwd",
     # apprise reads these as two addresses, of which the second is any host.
     f"{SLACK}/, json://127.0.0.1:9/x", f"{SLACK}/,json://127.0.0.1:9/x", f"{SLACK} json://10.0.0.1",
     # Workflows run at any host, as far as apprise is concerned.
     f"workflows://127.0.0.1:8080/{FLOW}/{'b' * 43}/", f"workflows://localhost/{FLOW}/{'b' * 43}/",
     f"workflows://logic.azure.com.evil.example/{FLOW}/{'b' * 43}/",
     f"workflows://x.logic.azure.com:8443/{FLOW}/{'b' * 43}/",
     f"https://127.0.0.1{NATIVE_FLOW}", f"https://x.powerplatform.evil.example{NATIVE_FLOW}",
     f"https://x.logic.azure.evil{NATIVE_FLOW}", f"https://xlogic.azure.com{NATIVE_FLOW}",
     f"https://evil.example\\x.logic.azure.com{NATIVE_FLOW}",
     f"workflows://evil.example\\x.logic.azure.com/{FLOW}/{'b' * 43}/",
     f"workflows://evil.example%5Cx.logic.azure.com/{FLOW}/{'b' * 43}/",
     f"https://x.logic.azure.com@evil.example{NATIVE_FLOW}",
     f"https://x.logic.azure.com{NATIVE_FLOW}&tenantId=t&template=/etc/passwd",
     # Teams gives these out no more, and apprise knows them no more.
     f"msteams://{FLOW}@{FLOW}/{FLOW}/{FLOW}/",
     f"https://x.webhook.office.com/webhookb2/{FLOW}@{FLOW}/IncomingWebhook/{FLOW}/{FLOW}",
     # A template is a file of ours, or an address in our network.
     f"{SLACK}/?template=/etc/passwd", f"{SLACK}/?template=http://127.0.0.1/",
     f"workflows://x.logic.azure.com/{FLOW}/{'b' * 43}/?template=file:///etc/passwd",
     # No check of the certificate, hours of waiting, failure that counts as success.
     f"{SLACK}/?verify=no", f"{SLACK}/?VERIFY=no", f"{SLACK}/?key=x&verify=no",
     f"{SLACK}/?key=x;verify=no", f"{SLACK}/?%76erify=no", f"{SLACK}/?cto=9999",
     f"{SLACK}/?rto=9999",
     f"{SLACK}/?retry=99&wait=99", f"{SLACK}/?optional=yes", f"{SLACK}/?redirect=yes",
     "slack://[::1", "slack://x]/[", "slack://a:99999999/b", "https://[", "https://\u2028/",
     "SLACK", "://", "opsgenie://key-0000-0000/?region=http://127.0.0.1/"],
)  # fmt: skip
@pytest.mark.django_db
def test_only_chats_at_hosts_we_know_are_written_to(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *each, **_: called.append(each))
    with pytest.raises(chats.UnknownChat) as refused:
        chats.parse(url)
    assert url not in str(refused.value)
    answer = chats.notify(url=url, title="t", body="b")
    assert answer.outcome is AttemptOutcome.REFUSED
    assert called == []


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[requests.PreparedRequest]:
    """What would go out over the network; nothing does, and all of it is taken."""
    caught: list[requests.PreparedRequest] = []

    def take(
        _session: requests.Session, request: requests.PreparedRequest, **how: Any
    ) -> requests.Response:
        assert how["verify"] is not False
        assert how["allow_redirects"] is False
        assert how["timeout"] == (5.0, 5.0)
        caught.append(request)
        answer = requests.Response()
        answer.status_code = 200
        is_slack = str(request.url).startswith("https://hooks.slack.com/")
        answer._content = b"ok" if is_slack else b'{"ok": true, "requestId": "r"}'
        return answer

    monkeypatch.setattr(requests.Session, "send", take)
    return caught


AZURE = "https://prod-161.westeurope.logic.azure.com:443"
PLATFORM = f"https://default{FLOW[:30]}.ef.environment.api.powerplatform.com:443"
DIRECT = "/powerautomate/automations/direct"
TRIGGER = f"/workflows/{FLOW}/triggers/manual/paths/invoke"
SIGNED = f"sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=a-_{'b' * 40}"
TENANT = "tenantId=tId&environmentName=Default-0a1b2c3d-0000-1111-2222-333344445555"
TAKEN = {
    f"{AZURE}{TRIGGER}?api-version=2016-06-01&{SIGNED}":
        f"{AZURE}{TRIGGER}?api-version=2016-06-01&{SIGNED}",
    f"{PLATFORM}{DIRECT}{TRIGGER}?api-version=1&{SIGNED}":
        f"{PLATFORM}{DIRECT}{TRIGGER}?api-version=1&{SIGNED}",
    f"{PLATFORM}{DIRECT}{TRIGGER}/?api-version=1&{TENANT}&{SIGNED}":
        f"{PLATFORM}{DIRECT}{TRIGGER}?api-version=1&{SIGNED}",
    f"{PLATFORM}{DIRECT}/cu/12{TRIGGER}?api-version=1&{SIGNED}":
        f"{PLATFORM}{DIRECT}/cu/12{TRIGGER}?api-version=1&{SIGNED}",
    f"workflows://x.api.powerplatform.com/{FLOW}/a-_{'b' * 40}/?pa=yes&route=5":
        f"https://x.api.powerplatform.com{DIRECT}/cu/5{TRIGGER}"
        f"?api-version=2022-03-01-preview&{SIGNED}",
    "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ":
        "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
    SLACK: "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
    "slack://xoxb-1234-1234-abc124/#general": "https://slack.com/api/chat.postMessage",
    "https://chat.googleapis.com/v1/spaces/x/messages?key=k&token=t%3D":
        "https://chat.googleapis.com/v1/spaces/x/messages?token=t%3D&key=k",
    "https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js":
        "https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "tgram://123456789:abcdefg_hijklmnop/12315544/":
        "https://api.telegram.org/bot123456789:abcdefg_hijklmnop/sendMessage",
    "opsgenie://a37b4c1b-1234/": "https://api.opsgenie.com/v2/alerts",
    "opsgenie://a37b4c1b-1234/?region=eu": "https://api.eu.opsgenie.com/v2/alerts",
    f"pover://{'u' * 30}@{'t' * 30}": "https://api.pushover.net/1/messages.json",
}  # fmt: skip


@pytest.mark.parametrize("url", TAKEN)
def test_the_links_that_chats_give_out_are_taken_and_written_to(
    url: str, posted: list[requests.PreparedRequest]
) -> None:
    chats.parse(url)
    assert chats.notify(url=url, title="1 missed", body="Deliver") == Answer(
        outcome=AttemptOutcome.SENT
    )
    [request] = posted
    assert (request.method, request.url) == ("POST", TAKEN[url])
    assert "Deliver" in str(request.body)


def test_each_service_that_is_named_is_one_that_can_be_written_to(
    posted: list[requests.PreparedRequest],
) -> None:
    with pytest.raises(chats.UnknownChat) as refused:
        chats.parse("nothing")
    assert ", ".join(chats.SERVICES) in str(refused.value)
    for url in TAKEN:
        chats.notify(url=url, title="t", body="b")
    written = {str(request.url).split("/")[2].removesuffix(":443") for request in posted}
    hosts = {
        "slack": "slack.com",
        "workflows": "api.powerplatform.com",
        "discord": "discord.com",
        "gchat": "chat.googleapis.com",
        "tgram": "api.telegram.org",
        "pover": "api.pushover.net",
        "opsgenie": "api.opsgenie.com",
    }
    assert set(chats.SERVICES) == set(hosts)
    for host in hosts.values():
        assert any(each.endswith(host) for each in written), host


@pytest.mark.parametrize("url", TAKEN)
def test_no_title_calls_upon_everybody_in_a_chat(
    url: str, posted: list[requests.PreparedRequest]
) -> None:
    text = "Ore @everyone @here @channel <!channel> <@U123> <@&55> <users/all> <at>all</at>"
    chats.notify(url=url, title=text, body=text)
    [request] = posted
    said = str(request.body)
    sent = (
        unquote_plus(said) if said[0] != "{" else json.dumps(json.loads(said), ensure_ascii=False)
    )
    assert "\u200beveryone" in sent
    for call in ("@everyone", "@here", "@channel", "<!", "<@", "@U123", "@&55", "<users", "<at>"):
        assert call not in sent
    assert "entities" not in sent


def test_no_secret_of_a_chat_comes_into_a_log(caplog: pytest.LogCaptureFixture) -> None:
    secret = "TIiajkdnlazkcOXrIdevi7FQ"
    for url in (f"slack://T1/A1/{secret}!/", f"slack://{secret}/", f"https://example.org/{secret}"):
        with pytest.raises(chats.UnknownChat):
            chats.parse(url)
    assert secret not in caplog.text
