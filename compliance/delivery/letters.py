"""Contents as a mail: subject, headers, text and HTML."""

from __future__ import annotations

import textwrap
from email.utils import parseaddr
from functools import cache
from typing import Any

from django.conf import settings
from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from compliance.delivery.contents import Contents
from compliance.delivery.mime import Mail
from compliance.domain import phrases

_WIDTH = 76
_LONGEST_SUBJECT = 250


def sender_domain() -> str:
    """The domain that sends, for Message-IDs."""
    return _domain(settings.DEFAULT_FROM_EMAIL) or "localhost"


@cache
def _domain(address: str) -> str:
    return parseaddr(address)[1].rpartition("@")[2]


def letter(contents: Contents) -> Mail:
    """The mail that tells `contents`."""
    context = _context(contents)
    headers = {
        "Message-ID": contents.message_id,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    unsubscribe = f"{settings.SITE_URL}{contents.unsubscribe_path}"
    headers["List-Unsubscribe"] = f"<{unsubscribe}>"
    headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # No message has the first one: it is what those about one deadline have in common.
    references = (f"<{contents.thread}@{sender_domain()}>", *contents.references)
    headers["In-Reply-To"] = references[-1]
    headers["References"] = " ".join(references)
    mail = Mail(
        subject=context["subject"],
        body=_template("txt").render(context),
        to=[contents.recipient],
        headers=headers,
    )
    mail.attach_alternative(_template("html").render(context), "text/html")
    return mail


def subject(contents: Contents) -> str:
    """The essential first: what happened to what, or how many of which agreement."""
    if contents.total == 1:
        item = contents.items[0]
        title = phrases.shortened(item.title, 80)
        text = f"{item.headline}: {title} ({phrases.shortened(item.obligors_briefly, 40)})"
    else:
        text = f"{summary(contents)}: {phrases.shortened(contents.agreement, 80)}"
    return as_subject(text)


def as_subject(text: str) -> str:
    """The text as it may stand in a header: on one line, and not so long that servers refuse it."""
    # After `=?`, what follows would be decoded, line breaks included, before it is shown.
    return phrases.shortened(phrases.one_line(text), _LONGEST_SUBJECT).replace("=?", "= ?")


def summary(contents: Contents) -> str:
    """`3 missed, 1 met late`."""
    return ", ".join(f"{count:,} {standing}" for standing, count in contents.counts.items())


def _quoted(text: str) -> str:
    """The text in the lines of a plain mail, each marked as quoted."""
    lines = [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(paragraph, _WIDTH - 2) or [""]
    ]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def _context(contents: Contents) -> dict[str, Any]:
    single = contents.items[0] if contents.total == 1 else None
    return {
        "contents": contents,
        "items": contents.items,
        "single": single,
        "subject": subject(contents),
        "summary": summary(contents),
        "site": settings.SITE_URL,
    }


@cache
def _template(kind: str) -> Template:
    environment = Environment(
        loader=PackageLoader("compliance", "templates/mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = _quoted
    return environment.get_template(f"alerts.{kind}")
