"""Names, addresses, countries and instants in the spellings that people send."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from compliance.domain.date_fields import Instant
from compliance.domain.drafts import problems_of
from compliance.domain.fields import Country, Email, Line, Tag, Text, Title

TITLE: TypeAdapter[str] = TypeAdapter(Title)


def problem(kind: Any, value: str) -> str:
    """Return the reason why a value is rejected."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    [error] = caught.value.errors()
    return str(error["msg"].removeprefix("Value error, "))


@given(st.text("aéüñ각が日 ", min_size=1, max_size=40).filter(str.strip))
def test_all_normalisation_forms_of_a_name_are_the_same_name(name: str) -> None:
    found = {TITLE.validate_python(unicodedata.normalize(form, name)) for form in ("NFC", "NFD")}
    assert len(found) == 1
    assert unicodedata.is_normalized("NFC", found.pop())


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("Acme\u00a0GmbH", "Acme GmbH"),
        ("\u2003Acme \u2009 GmbH\u3000", "Acme GmbH"),
        ("Ac\u200bme\ufeff", "Acme"),
        ("Zu\u0308rich", "Z\u00fcrich"),
        ("می\u200cشم", "می\u200cشم"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("שלם\u200f!", "שלם\u200f!"),
    ],
)
def test_names_have_plain_spaces_and_no_needless_characters(sent: str, stored: str) -> None:
    assert TITLE.validate_python(sent) == stored


@pytest.mark.parametrize(
    "name", ["\u200d", "\u200e\u200f", "\u3164", "\u2800\u2800", "\u0301", "\ufe0f"]
)
@pytest.mark.parametrize("kind", [Title, Line, Tag])
def test_a_name_of_which_nothing_can_be_seen_is_rejected(kind: Any, name: str) -> None:
    assert "None of its characters is visible" in problem(kind, name)


@pytest.mark.parametrize("code", [*range(9), 11, 12, *range(14, 32), *range(127, 133), 134, 159])
@pytest.mark.parametrize("kind", [Title, Line, Tag, Text])
def test_control_characters_are_rejected(kind: Any, code: int) -> None:
    assert problem(kind, f"a{chr(code)}b") == "Remove the control characters."


@pytest.mark.parametrize("name", ["\u200b", "\u00a0", "\ufeff\u2060"])
def test_a_name_of_spaces_is_empty(name: str) -> None:
    assert "at least 1 character" in problem(Title, name)
    assert TypeAdapter(Line).validate_python(name) == ""


@pytest.mark.parametrize("mark", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_a_name_does_not_change_its_direction(mark: str) -> None:
    for kind in (Title, Line, Tag):
        assert "direction" in problem(kind, f"invoice{mark}fdp.exe")


def test_a_text_does_not_override_its_direction_but_may_isolate_a_quote() -> None:
    for mark in "\u202d\u202e":
        assert "direction" in problem(Text, f"a{mark}b")
    assert TypeAdapter(Text).validate_python("a \u2067שלם\u2069 b")


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("desk@bücher.example", "desk@xn--bcher-kva.example"),
        ("desk@BÜCHER.example", "desk@xn--bcher-kva.example"),
        ("desk@bu\u0308cher.example", "desk@xn--bcher-kva.example"),
        ("desk@例え.テスト", "desk@xn--r8jz45g.xn--zckzah"),
        ("desk@faß.example", "desk@xn--fa-hia.example"),
        ("a" * 64 + "@example.org", "a" * 64 + "@example.org"),
    ],
)
def test_an_internationalised_domain_is_stored_as_its_a_label(sent: str, stored: str) -> None:
    assert TypeAdapter(Email).validate_python(sent) == stored


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("a" * 65 + "@example.org", "The part before the @ has 65 characters"),
        ("jürgen@example.org", "Give one email address"),
        ("desk@\u2060.example", "not a valid internationalised domain name"),
        ("desk@-ü.example", "not a valid internationalised domain name"),
        ("desk@exam\u202eple.org", "not a valid internationalised domain name"),
        ("desk@" + "ü" * 80 + ".example", "not a valid internationalised domain name"),
        ("ü", "Give one email address"),
    ],
)
def test_addresses_that_servers_would_refuse_are_rejected(address: str, reason: str) -> None:
    assert reason in problem(Email, address)


@pytest.mark.parametrize(
    ("code", "meant"), [("UK", "GB"), ("EL", "GR"), ("EN", "GB"), ("SP", "ES"), ("JA", "JP")]
)
def test_a_code_that_is_mistaken_for_a_country_names_the_country(code: str, meant: str) -> None:
    expected = f"{code} is not a country code of ISO 3166-1. Did you mean {meant}?"
    assert problem(Country, code) == expected
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Country).validate_python(code)
    assert [each.detail for each in problems_of(caught.value)] == [expected]


def test_other_unassigned_codes_are_rejected_and_former_and_reserved_ones_accepted() -> None:
    assert "not a country code" in problem(Country, "QX")
    for code in ("CN", "GB", "GR", "SU", "YU", "EU", "XK"):
        assert TypeAdapter(Country).validate_python(code) == code


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("2025-05-14T16:00:00 02:00", "2025-05-14T16:00:00%2B02:00"),
        ("2025-05-14T16:00 0200", "2025-05-14T16:00%2B0200"),
        ("2025-05-14 16:00:00.5 02", "2025-05-14 16:00:00.5%2B02"),
    ],
)
def test_a_plus_that_arrived_as_a_space_is_recognised(sent: str, meant: str) -> None:
    found = problem(Instant, sent)
    assert found == f"In a web address, a + stands for a space. Write it as %2B: {meant}."
