"""Messages to chats and pagers, through apprise: to services whose host we know, and no others."""

from __future__ import annotations

import re

import apprise

from compliance.delivery.carrier import Answer
from compliance.domain.vocabulary import AttemptOutcome

# What takes any host could be pointed at our own network.
SERVICES = ("slack", "workflows", "discord", "gchat", "tgram", "pover", "opsgenie")

# Workflows, by which Teams is written to, run on a host of each customer's own, below one of these.
_WORKFLOW_HOSTS = (
    ".logic.azure.com", ".logic.azure.us", ".logic.azure.cn", ".api.powerplatform.com",
    ".api.gov.powerplatform.microsoft.us", ".api.high.powerplatform.microsoft.us",
    ".api.powerplatform.partner.microsoftonline.cn", ".api.appsplatform.us",
)  # fmt: skip
# What the links that chats give out carry, and what chooses among known hosts. Others of
# apprise's would read a file or any address as a template, switch off the check of certificates,
# wait for hours, or take a failure for a success.
_OPTIONS = frozenset(
    {
        "api-version", "sp", "sv", "sig", "tenantid", "environmentname", "pa", "route", "key",
        "token", "thread", "region",
    }
)  # fmt: skip
# What every chat's way to call upon somebody, or upon everybody, begins with.
_CALLING = re.compile("[@<]")
_SECONDS = 5.0


class UnknownChat(ValueError):
    """An address that is no chat we can write to. The sentence says what is."""


def refuse_unknown(url: str) -> None:
    """Refuse what is not the address of a chat at one of `SERVICES`.

    Raises:
        UnknownChat: with a sentence that does not repeat the address, which holds a secret.
    """
    _chat(url)


def masked(url: str) -> str:
    """The address of a chat as it may be shown: without anything that could be its secret."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() == "https":
        host = rest.partition("/")[0].rpartition("@")[2]
        return f"https://{host}/…"
    return f"{scheme}://…"


def notify(*, url: str, title: str, body: str) -> Answer:
    """Write into a chat once, calling upon nobody. Never raises, and never repeats the address."""
    try:
        chat = _chat(url)
    except UnknownChat as error:
        return Answer(outcome=AttemptOutcome.REFUSED, text=str(error))
    service = apprise.Apprise(asset=_asset())
    # The object, not the address: that could be read as a list of several.
    service.add(chat)
    is_taken = service.notify(
        title=_calling_nobody(title),
        body=_calling_nobody(body),
        body_format=apprise.NotifyFormat.TEXT,
        # With what it takes for information, apprise closes alerts of Opsgenie and opens none.
        notify_type=apprise.NotifyType.WARNING,
    )
    if is_taken:
        return Answer(outcome=AttemptOutcome.SENT)
    return Answer(outcome=AttemptOutcome.DEFERRED, text="The chat did not take it.")


def _chat(url: str) -> apprise.NotifyBase:
    is_one = not re.search(r"[\s,]|://.*://", url)
    options = re.split(r"[?&;]", url)[1:]
    unknown = [each for each in options if each.partition("=")[0].lower() not in _OPTIONS]
    scheme = url.partition("://")[0].lower()
    found = None
    if is_one and scheme in {*SERVICES, "https"} and not unknown:
        found = apprise.Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)
    known = getattr(found, "secure_protocol", None), getattr(found, "protocol", None)
    names = {name for each in known for name in ((each,) if isinstance(each, str) else each or ())}
    is_known = bool(names & set(SERVICES))
    if found is not None and "workflows" in names:
        host, port = str(found.host).lower(), found.port
        is_known = host.endswith(_WORKFLOW_HOSTS) and port in {None, 443}
    if found is None or not is_known:
        sentence = (
            "This is not the address of a chat that Pacta can write to. Take the webhook link "
            f"that the chat gives you, or one of apprise's for: {', '.join(SERVICES)}. Leave out "
            f"all options but these: {', '.join(sorted(_OPTIONS))}."
        )
        raise UnknownChat(sentence)
    found.socket_connect_timeout = found.socket_read_timeout = _SECONDS
    return found


def _calling_nobody(text: str) -> str:
    """The text with nothing in it that a chat takes for a mention, and looking the same."""
    return _CALLING.sub("\\g<0>\u200b", text)


def _asset() -> apprise.AppriseAsset:
    return apprise.AppriseAsset(app_id="Pacta", async_mode=False, http_redirects=False)
