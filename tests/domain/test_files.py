"""Which evidence files and file names are accepted."""

from __future__ import annotations

import pytest

from compliance.domain.evidence.files import TextCheck, checked_name, type_of
from compliance.domain.problems import Invalid


@pytest.mark.parametrize(
    "name",
    ["", "a/b.pdf", "a\\b.pdf", "..", "../x.pdf", ".hidden.pdf", "x.pdf.", " x.pdf", "a\nb.pdf",
     "evil\u202efdp.pdf", "a\u200bb.pdf", "\ud800.pdf", "nul", "COM1.txt", "aux.pdf", 'a"b.pdf',
     "x" * 201],
)  # fmt: skip
def test_a_misleading_file_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_name(name)
    assert [problem.path for problem in refused.value.problems] == ["file"]


@pytest.mark.parametrize("name", ["report.pdf", "Zollbeleg März 2025.pdf", "报关单.pdf", "a.b.csv"])
def test_a_simple_file_name_is_accepted(name: str) -> None:
    assert checked_name(name) == name


def test_equivalent_unicode_names_become_equal() -> None:
    assert checked_name("Ma\u0308rz.pdf") == "März.pdf"


@pytest.mark.parametrize(
    ("name", "beginning", "media_type"),
    [
        ("a.PDF", b"%PDF-1.4", "application/pdf"),
        ("a.jpeg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("a.csv", b"a,b", "text/csv"),
        ("a.txt", b"", "text/plain"),
    ],
)
def test_the_name_and_the_bytes_agree_on_the_type(
    name: str, beginning: bytes, media_type: str
) -> None:
    assert type_of(name, beginning) == media_type


@pytest.mark.parametrize(
    ("name", "beginning"),
    [("a.pdf", b"PK\x03\x04"), ("a.pdf", b" %PDF-"), ("a.png", b"\x89PNG"), ("a.exe", b"MZ"),
     ("a.html", b"<html>"), ("a", b"%PDF-1.4"), ("a.pdf.zip", b"%PDF-1.4")],
)  # fmt: skip
def test_a_file_whose_content_does_not_match_its_extension_is_refused(
    name: str, beginning: bytes
) -> None:
    with pytest.raises(Invalid):
        type_of(name, beginning)


def test_characters_may_be_split_between_pieces() -> None:
    whole = "März 报关".encode()
    for cut in range(len(whole)):
        check = TextCheck("text/plain")
        check.take(whole[:cut])
        check.take(whole[cut:], is_last=True)


@pytest.mark.parametrize("text", [b"\xff", b"a\x00b", "ä".encode()[:1]])
def test_a_text_file_that_is_not_text_is_refused(text: bytes) -> None:
    check = TextCheck("text/csv")
    with pytest.raises(Invalid):
        check.take(text, is_last=True)
