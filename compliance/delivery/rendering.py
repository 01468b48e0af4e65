"""Contents as an email: subject, headers, plain text and HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from email.utils import parseaddr
from functools import cache, partial
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from compliance.delivery import links
from compliance.delivery.contents import Contents, Item, Row
from compliance.domain import phrases

_WIDTH = 72
_MAX_SUBJECT_LENGTH = 250
_AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


_SUMMARY_INTRO = (
    "These breaches began before they were entered in Pacta. There will be no escalations. You "
    "will be notified when they end."
)


class RenderedMail(EmailMultiAlternatives):
    """An email that is converted to bytes only once, and ahead of sending if it is prepared."""

    _message: Any = None

    def message(self, **options: Any) -> Any:
        """Return the MIME message. It is built by the first call; later changes have no effect."""
        if self._message is None:
            self._message = super().message(**options)
            if self._message.is_multipart():
                # Otherwise one is made by searching all parts for it.
                self._message.set_boundary(uuid4().hex)
            self._message.as_bytes = cache(self._message.as_bytes)
        return self._message

    def prepare(self) -> None:
        """Convert the email to the bytes that Django's SMTP backend will ask for.

        Raises:
            BadHeaderError, ValueError: a header or an address is invalid.
        """
        self.message().as_bytes(linesep="\r\n")


def sender_domain() -> str:
    """Return the domain of the sender, for Message-IDs."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"


def render_mail(contents: Contents) -> RenderedMail:
    """Return the email with these contents."""
    # No message has the first Message-ID: it is what all messages of a thread refer to.
    references = (f"<{contents.thread}@{sender_domain()}>", *contents.references)
    title, heading = subject(contents), contents.agreement
    context = {
        "contents": contents,
        "heading": heading if contents.agreement_ref else heading.capitalize(),
        "items": contents.items,
        "rows": partial(_rows, names_agreement=contents.is_digest or contents.total == 1),
        "single": contents.items[0] if contents.total == 1 else None,
        "subject": title,
        "summary": summary(contents),
        "intro": _SUMMARY_INTRO,
        "site": settings.SITE_URL,
    }
    mail = RenderedMail(
        subject=title,
        body=_template("txt").render(context),
        to=[contents.recipient],
        headers={
            "Message-ID": contents.message_id,
            **_AUTOMATIC,
            "List-Unsubscribe": f"<{links.url(contents.unsubscribe_path)}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "In-Reply-To": references[-1],
            "References": " ".join(references),
        },
    )
    mail.attach_alternative(_template("html").render(context), "text/html")
    return mail


def _rows(item: Item, *, names_agreement: bool) -> list[Row]:
    """Return the table that describes a deadline."""
    found = [
        Row("Obligor", (item.obligors,)),
        Row("Obligee", (item.obligees,)),
        *item.dates,
        Row("Obligation", (f"{item.ref}, {item.severity} severity",)),
        Row("Agreement", (item.agreement if names_agreement else "",)),
        Row("Clause", (item.clause,)),
        Row("Evidence", (item.evidence,)),
    ]
    return [row for row in found if any(row.lines)]


def plain_mail(
    *, to: str, subject: str, paragraphs: Iterable[str | Sequence[str]], name: str
) -> EmailMessage:
    """Return an email of plain text.

    Args:
        paragraphs: each is a text, which is wrapped, or the lines of a list, which are not. No
            value in them can add a line.
        name: makes the Message-ID, so that a repetition has the same.
    """
    texts = (
        _wrapped(each) if isinstance(each, str) else "\n".join(map(phrases.one_line, each))
        for each in paragraphs
    )
    return EmailMessage(
        subject=header_text(subject),
        body="\n\n".join(texts) + "\n",
        to=[to],
        headers={"Message-ID": f"<{name}@{sender_domain()}>", **_AUTOMATIC},
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(
        phrases.one_line(text), _WIDTH, break_long_words=False, break_on_hyphens=False
    )


def subject(contents: Contents) -> str:
    """Return a subject that says what happened to which deadline, or to how many."""
    if contents.total == 1:
        item = contents.items[0]
        title = phrases.shortened(item.title, 80)
        text = f"{item.headline}: {title} ({phrases.shortened(item.obligors_short, 40)})"
    else:
        text = f"{summary(contents)}: {phrases.shortened(contents.agreement, 80)}"
    return header_text(text)


def header_text(text: str) -> str:
    """Return a text on one line, short enough for every server, that decodes to itself."""
    # Mail programs decode what follows `=?`, and the result may contain line breaks.
    return phrases.shortened(phrases.one_line(text), _MAX_SUBJECT_LENGTH).replace("=?", "= ?")


def summary(contents: Contents) -> str:
    """Return the counts as a text such as `3 missed, 1 met late`."""
    return ", ".join(f"{count:,} {label}" for label, count in contents.counts.items())


def _quoted(text: str) -> str:
    """Return a text in the lines of a plain mail, each marked as a quotation."""
    lines = [line for part in text.splitlines() for line in textwrap.wrap(part, _WIDTH - 2) or [""]]
    return "\n".join(f"> {line}".rstrip() for line in lines)


@cache
def _template(kind: str) -> Template:
    # Jinja instead of Django templates: an unknown name is an error instead of an empty text.
    environment = Environment(
        loader=PackageLoader("compliance", "templates/mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters.update(quoted=_quoted, wrapped=_wrapped)
    return environment.get_template(f"alerts.{kind}")
