"""What goes to the mail server says what was meant, in lines that every server takes."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from django.core.mail import BadHeaderError, EmailMultiAlternatives
from hypothesis import given
from hypothesis import strategies as st

from compliance.delivery.mime import Mail

words = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]) | st.sampled_from("é中.=?_- "),
    max_size=1_200,
)
texts = st.lists(words | st.sampled_from(["", ".", "..", "From here", "--", "=20"])).map("\n".join)


def mail(subject: str = "s", body: str = "b", html: str = "", **more: str) -> Mail:
    made = Mail(subject=subject, body=body, to=["reader@example.org"], headers=more)
    if html:
        made.attach_alternative(html, "text/html")
    return made


def parsed(lines: bytes) -> EmailMessage:
    found = message_from_bytes(lines.replace(b"\r\n", b"\n"), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


@given(subject=words, body=texts, html=texts)
def test_what_is_read_is_what_was_written(subject: str, body: str, html: str) -> None:
    lines = mail(subject.strip(), body, html).lines
    found = parsed(lines)
    assert found["Subject"].split() == subject.split()
    text, page = found.get_body(["plain"]), found.get_body(["html"])
    assert text is not None
    assert text.get_content().rstrip("\n") == body.rstrip("\n")
    assert (page.get_content() if page else "").rstrip("\n") == html.rstrip("\n")
    assert not found.defects


@given(subject=words, body=texts, html=texts)
def test_no_line_is_longer_or_ends_otherwise_than_servers_take(
    subject: str, body: str, html: str
) -> None:
    lines = mail(subject, body, html).lines
    assert lines.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", lines)
    assert max(map(len, lines.split(b"\r\n"))) <= 998
    head, _, _ = lines.partition(b"\r\n\r\n")
    assert head.isascii()


def test_it_says_what_django_would_have_said() -> None:
    ours, theirs = (
        kind(
            subject="Überfällig: Lieferung (中国)",
            body="Es ist 3 Tage zu spät.\n.\n",
            from_email="Überwachung <pacta@bücher.example>",
            to=["leser@bücher.example"],
            headers={"Message-ID": "<a@b.example>", "References": " ".join(["<c@d.example>"] * 20)},
        )
        for kind in (Mail, EmailMultiAlternatives)
    )
    for each in (ours, theirs):
        each.attach_alternative("<p>Es ist 3 Tage zu spät.</p>", "text/html")
    assert isinstance(ours, Mail)
    found, expected = parsed(ours.lines), parsed(theirs.message().as_bytes())
    assert found["From"].addresses[0].addr_spec == "pacta@xn--bcher-kva.example"
    for name in ("Subject", "From", "To", "Message-ID", "References"):
        assert found[name] == expected[name].strip()
    for kind in ("plain", "html"):
        mine, other = found.get_body([kind]), expected.get_body([kind])
        assert mine is not None
        assert other is not None
        assert mine.get_content().rstrip("\n") == other.get_content().rstrip("\n")


def test_a_backend_gets_the_lines_as_it_asks_for_them() -> None:
    made = mail("\u00dcberf\u00e4llig", "Zeile\n", "<p>Zeile</p>")
    lines = made.message().as_bytes(linesep="\r\n")
    assert not re.search(rb"(?<!\r)\n", lines)
    assert b"\r" not in made.message().as_bytes()
    assert parsed(lines)["Subject"].strip() == "\u00dcberf\u00e4llig"


def test_a_mail_without_alternatives_is_plain_text() -> None:
    found = parsed(mail(body="Only this.").lines)
    assert found.get_content_type() == "text/plain"
    assert found.get_content() == "Only this.\n"


@pytest.mark.parametrize("breaking", ["\n", "\r", "\r\n"])
def test_a_header_that_would_be_two_is_not_written(breaking: str) -> None:
    with pytest.raises(BadHeaderError, match="X-Note has a line break"):
        _ = mail(**{"X-Note": f"a{breaking}Bcc: thief@example.org"}).lines
