"""Messages to chats and pagers, through apprise: only to services whose hosts are known."""

from __future__ import annotations

import re

import apprise

from compliance.delivery.answers import Answer
from compliance.domain.vocabulary import AttemptOutcome

# A service that accepts any host could be pointed at our own network.
SERVICES = ("slack", "workflows", "discord", "gchat", "tgram", "pover", "opsgenie")

# Workflows, the way to write to Teams, run on a host of each customer below one of these domains.
_WORKFLOW_HOSTS = (
    ".logic.azure.com", ".logic.azure.us", ".logic.azure.cn", ".api.powerplatform.com",
    ".api.gov.powerplatform.microsoft.us", ".api.high.powerplatform.microsoft.us",
    ".api.powerplatform.partner.microsoftonline.cn", ".api.appsplatform.us",
)  # fmt: skip
# The options in links that chats generate, and those that choose among known hosts. Other options
# of apprise read a file or any URL as a template, switch off the check of certificates, wait for
# hours, or report failures as success.
_OPTIONS = frozenset(
    {
        "api-version", "sp", "sv", "sig", "tenantid", "environmentname", "pa", "route", "key",
        "token", "thread", "region",
    }
)  # fmt: skip
# The first character of a mention, of one person or of everybody, in every chat.
_MENTION = re.compile("[@<]")
_SECONDS = 5.0


class UnknownChat(ValueError):
    """A URL that is not a supported chat. The message says which are."""


def masked(url: str) -> str:
    """Return the URL of a chat without anything that could be its secret."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() == "https":
        host = rest.partition("/")[0].rpartition("@")[2]
        return f"https://{host}/…"
    return f"{scheme}://…"


def notify(*, url: str, title: str, body: str) -> Answer:
    """Write to a chat once, without mentions. Never raises, and never repeats the URL."""
    try:
        chat = parse(url)
    except UnknownChat as error:
        return Answer(outcome=AttemptOutcome.REFUSED, text=str(error))
    service = apprise.Apprise(asset=_asset())
    # Added as an object: apprise could read the URL as a list of several.
    service.add(chat)
    is_accepted = service.notify(
        title=_without_mentions(title),
        body=_without_mentions(body),
        body_format=apprise.NotifyFormat.TEXT,
        # With the type `info`, apprise closes Opsgenie alerts instead of opening them.
        notify_type=apprise.NotifyType.WARNING,
    )
    if is_accepted:
        return Answer(outcome=AttemptOutcome.SENT)
    return Answer(outcome=AttemptOutcome.DEFERRED, text="The chat did not accept the message.")


def parse(url: str) -> apprise.NotifyBase:
    """Return the chat at one of `SERVICES` that a URL stands for.

    Raises:
        UnknownChat: the service is not supported. The message does not repeat the secret URL.
    """
    is_single = not re.search(r"[\s,]|://.*://", url)
    options = re.split(r"[?&;]", url)[1:]
    unknown = [each for each in options if each.partition("=")[0].lower() not in _OPTIONS]
    scheme = url.partition("://")[0].lower()
    found = None
    if is_single and scheme in {*SERVICES, "https"} and not unknown:
        found = apprise.Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)
    protocols = getattr(found, "secure_protocol", None), getattr(found, "protocol", None)
    names = {
        name for each in protocols for name in ((each,) if isinstance(each, str) else each or ())
    }
    is_known = bool(names & set(SERVICES))
    if found is not None and "workflows" in names:
        host, port = str(found.host).lower(), found.port
        is_known = host.endswith(_WORKFLOW_HOSTS) and port in {None, 443}
    if found is None or not is_known:
        sentence = (
            "This is not the address of a chat that Pacta supports. Use the webhook link that the "
            f"chat generates, or an apprise URL for one of: {', '.join(SERVICES)}. Remove all "
            f"options except: {', '.join(sorted(_OPTIONS))}."
        )
        raise UnknownChat(sentence)
    found.socket_connect_timeout = found.socket_read_timeout = _SECONDS
    return found


def _without_mentions(text: str) -> str:
    """Return a text that looks the same and that no chat reads as a mention."""
    return _MENTION.sub("\\g<0>\u200b", text)


def _asset() -> apprise.AppriseAsset:
    return apprise.AppriseAsset(app_id="Pacta", async_mode=False, http_redirects=False)
