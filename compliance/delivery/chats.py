"""Messages to chats and pagers, through apprise: to services whose host we know, and no others."""

from __future__ import annotations

import apprise

from compliance.delivery.carrier import Answer
from compliance.domain.vocabulary import AttemptOutcome

# What takes any host could be pointed at our own network.
SERVICES = ("slack", "msteams", "workflows", "discord", "gchat", "tgram", "pover", "opsgenie")


class UnknownChat(ValueError):
    """An address that is no chat we can write to. The sentence says what is."""


def refuse_unknown(url: str) -> None:
    """Refuse what is not the address of a chat at one of `SERVICES`.

    Raises:
        UnknownChat: with a sentence that does not repeat the address, which holds a secret.
    """
    scheme = url.partition("://")[0].lower()
    is_web_link = scheme == "https" and apprise.Apprise.instantiate(url) is not None
    found = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    known = getattr(found, "secure_protocol", None), getattr(found, "protocol", None)
    names = {name for each in known for name in ((each,) if isinstance(each, str) else each or ())}
    if found is None or not names & set(SERVICES) or (scheme not in SERVICES and not is_web_link):
        sentence = (
            "This is not the address of a chat that Pacta can write to. Take the webhook link "
            f"that the chat gives you, or one of apprise's for: {', '.join(SERVICES)}."
        )
        raise UnknownChat(sentence)


def notify(*, url: str, title: str, body: str) -> Answer:
    """Write into a chat once. Never raises, and never repeats the address."""
    try:
        refuse_unknown(url)
    except UnknownChat as error:
        return Answer(outcome=AttemptOutcome.REFUSED, text=str(error))
    chat = apprise.Apprise(asset=apprise.AppriseAsset(app_id="Pacta", async_mode=False))
    chat.add(url)
    if chat.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
        return Answer(outcome=AttemptOutcome.SENT)
    return Answer(outcome=AttemptOutcome.DEFERRED, text="The chat did not take it.")
