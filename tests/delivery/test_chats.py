"""Messages to chats go only to known services, without mentions or leaked secrets."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import unquote_plus

import pytest
import requests

from compliance.delivery import chats
from compliance.delivery.answers import Answer
from compliance.domain.vocabulary import AttemptOutcome

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
     # apprise reads these as two addresses, the second of which may be any host.
     f"{SLACK}/, json://127.0.0.1:9/x", f"{SLACK}/,json://127.0.0.1:9/x", f"{SLACK} json://10.0.0.1",
     # apprise accepts any host for workflows.
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
     # Teams no longer issues these, and apprise no longer supports them.
     f"msteams://{FLOW}@{FLOW}/{FLOW}/{FLOW}/",
     f"https://x.webhook.office.com/webhookb2/{FLOW}@{FLOW}/IncomingWebhook/{FLOW}/{FLOW}",
     # A template may be a local file, or an address in our network.
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
def test_only_chats_at_known_hosts_are_contacted(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
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
    """The requests that would be sent over the network; each is answered as accepted."""
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
REQUEST_URLS = {
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


@pytest.mark.parametrize("url", REQUEST_URLS)
def test_urls_issued_by_chat_services_work(
    url: str, posted: list[requests.PreparedRequest]
) -> None:
    chats.parse(url)
    assert chats.notify(url=url, title="1 missed", body="Deliver") == Answer(
        outcome=AttemptOutcome.SENT
    )
    [request] = posted
    assert (request.method, request.url) == ("POST", REQUEST_URLS[url])
    assert "Deliver" in str(request.body)


def test_every_listed_chat_service_works(
    posted: list[requests.PreparedRequest],
) -> None:
    with pytest.raises(chats.UnknownChat) as refused:
        chats.parse("nothing")
    assert ", ".join(chats.SERVICES) in str(refused.value)
    for url in REQUEST_URLS:
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


@pytest.mark.parametrize("url", REQUEST_URLS)
def test_no_title_mentions_everybody_in_a_chat(
    url: str, posted: list[requests.PreparedRequest]
) -> None:
    text = "Ore @everyone @here @channel <!channel> <@U123> <@&55> <users/all> <at>all</at>"
    chats.notify(url=url, title=text, body=text)
    [request] = posted
    body = str(request.body)
    sent = (
        unquote_plus(body) if body[0] != "{" else json.dumps(json.loads(body), ensure_ascii=False)
    )
    assert "\u200beveryone" in sent
    for call in ("@everyone", "@here", "@channel", "<!", "<@", "@U123", "@&55", "<users", "<at>"):
        assert call not in sent
    assert "entities" not in sent


def test_chat_secrets_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    secret = "TIiajkdnlazkcOXrIdevi7FQ"
    for url in (f"slack://T1/A1/{secret}!/", f"slack://{secret}/", f"https://example.org/{secret}"):
        with pytest.raises(chats.UnknownChat):
            chats.parse(url)
    assert secret not in caplog.text
