"""The form of API tokens, their networks, and what a token may create."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.drafts import read
from compliance.domain.networks import address, is_in_any, is_within, network
from compliance.domain.people.drafts import RotationDraft, TokenDraft
from compliance.domain.people.token_format import ALPHABET, is_token, token_digest, token_of
from compliance.domain.people.token_limits import TokenLimits, narrowed
from compliance.domain.problems import Invalid

KEYS = st.lists(st.sampled_from(ALPHABET), min_size=30, max_size=30).map(token_of)


@given(KEYS)
def test_scanners_recognize_a_token_by_prefix_and_checksum(key: str) -> None:
    assert re.fullmatch(r"pacta_[0-9A-Za-z]{36}", key)
    assert is_token(key)
    # Computed in another way than by the code.
    value = 0
    for digit in key[-6:]:
        value = value * 62 + ALPHABET.index(digit)
    assert value == zlib.crc32(key[6:-6].encode())


@given(KEYS, st.integers(6, 41), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_noticed(key: str, place: int, character: str) -> None:
    wrong = key[:place] + character + key[place + 1 :]
    assert is_token(wrong) == (wrong == key)


@given(st.text() | st.from_regex(r"pacta_[0-9A-Za-z]{30,40}\Z"))
def test_other_text_is_no_token(text: str) -> None:
    assert not is_token(text) or len(text) == 42


def test_the_form_of_tokens_never_changes() -> None:
    key = token_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcd")
    assert key == "pacta_ABCDEFGHIJKLMNOPQRSTUVWXYZabcd" + key[-6:]
    assert not is_token(key + "\n")
    assert not is_token(key.upper())
    assert len(token_digest(key)) == 32
    for length in (29, 31):
        with pytest.raises(ValueError, match=str(length)):
            token_of("A" * length)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::1", "::1/128"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_a_network_is_stored_in_one_notation(text: str, stored: str) -> None:
    assert str(network(text)) == stored


@pytest.mark.parametrize(
    "text", ["192.0.2.1/24", "x", "", "192.0.2.0/33", "fe80::1%eth0", "1", "10.0.0.0/8/8", "/8"]
)
def test_what_is_no_network_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"^Give |^Remove the zone|: give "):
        network(text)


def test_an_ipv4_address_in_ipv6_notation_is_the_ipv4_address() -> None:
    mapped = address("::ffff:192.0.2.7")
    assert mapped == ip_address("192.0.2.7")
    assert mapped is not None
    assert is_in_any(mapped, ["192.0.2.0/24"])
    assert not is_in_any(mapped, ["2001:db8::/32", "192.0.3.0/24"])
    assert address("unix") is None


def test_networks_are_within_others_if_each_is_part_of_one() -> None:
    assert is_within(["10.1.0.0/16", "10.2.3.4/32"], ["10.0.0.0/8"])
    assert not is_within(["10.1.0.0/16", "192.0.2.0/24"], ["10.0.0.0/8"])
    assert not is_within(["0.0.0.0/0"], ["10.0.0.0/8"])
    assert not is_within(["::/0"], ["0.0.0.0/0"])


SOON, LATER = datetime(2030, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
NARROW = TokenLimits(expires_at=SOON, networks=("10.0.0.0/8",))


def test_a_token_that_a_token_creates_inherits_what_it_does_not_limit() -> None:
    assert narrowed(TokenLimits(), NARROW) == NARROW
    assert narrowed(TokenLimits(is_read_only=True), NARROW).is_read_only
    assert narrowed(TokenLimits(networks=("10.1.0.0/16",)), NARROW).networks == ("10.1.0.0/16",)


@pytest.mark.parametrize(
    ("wanted", "creator", "path"),
    [
        (TokenLimits(expires_at=LATER), NARROW, "expires_at"),
        (TokenLimits(networks=("0.0.0.0/0",)), NARROW, "networks"),
        (TokenLimits(), TokenLimits(is_read_only=True), "is_read_only"),
    ],
)
def test_a_token_creates_no_wider_token(
    wanted: TokenLimits, creator: TokenLimits, path: str
) -> None:
    with pytest.raises(Invalid) as error:
        narrowed(wanted, creator)
    assert [each.path for each in error.value.problems] == [path]


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "x", "networks": []},
        {"name": "x", "networks": ["10.0.0.1", "10.0.0.1/32"]},
        {"name": "x", "networks": ["10.0.0.1"] * 51},
        {"name": "x", "networks": "10.0.0.1"},
        {"name": "x", "networks": [1]},
        {"name": "x", "expires_at": 5},
        {"name": "x", "token": "pacta_"},
        {"name": "x", "user": "nobody"},
    ],
)
def test_a_draft_of_a_token_is_checked(body: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        read(TokenDraft, body)


@pytest.mark.parametrize("minutes", [-1, 43_201, 1.5, True, "5", None])
def test_the_overlap_of_a_rotation_is_bounded(minutes: object) -> None:
    with pytest.raises(Invalid):
        read(RotationDraft, {"overlap_minutes": minutes})
