"""Values for the fuzzer: texts of the formats in the OpenAPI document, and names of stored rows."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Mapping
from typing import Any

import schemathesis
from hypothesis import strategies as st

from tests.flows.conftest import Stack

Known = Mapping[str, list[Any]]

# Letters of several scripts, without control characters.
_LETTERS = st.characters(
    exclude_categories=("C", "Z", "M"), include_characters=" ", max_codepoint=0xFFFF
)
_INSTANTS = st.builds(
    "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}".format,
    st.integers(1950, 2150), st.integers(1, 12), st.integers(1, 28),
    st.integers(0, 23), st.integers(0, 59), st.integers(0, 59),
    st.sampled_from(["Z", "+02:00", "-11:30"]),
)  # fmt: skip
_DAYS = st.builds(
    "{:04}-{:02}-{:02}".format, st.integers(1950, 2150), st.integers(1, 12), st.integers(1, 28)
)
_YEARS = st.integers(1950, 2150).map(str)
# Some exist. There are enough different ones for the longest list of each kind.
_EMAILS = st.one_of(
    st.sampled_from(["viewer@example.org", "analyst@example.org", "a.b+c@example.org"]),
    st.integers(0, 9_999).map("user-{}@example.org".format),
)
_CALENDARS = [
    "US", "DE-BY", "HK:public", "NYSE", "weekend", "weekend:fri-sat", "AT", "AU", "BE", "BR", "CA",
    "CH", "CN", "DK", "ES", "FI", "FR", "GB", "IE", "IN", "IT", "JP", "KR", "MX", "NL", "NO", "PL",
]  # fmt: skip
_FORMATS: dict[str, st.SearchStrategy[str]] = {
    # The first letter can always be seen.
    "line": st.text(_LETTERS, max_size=60).map("x{}".format),
    "text": st.text(_LETTERS, max_size=200),
    "email": _EMAILS,
    "responsible": st.one_of(
        _EMAILS, st.integers(0, 99).map("team:asia{}".format), st.just("team:asia")
    ),
    # Webhooks are refused unless their host exists; an address needs no look-up.
    "web-address": st.sampled_from(["https://93.184.215.14/", "https://93.184.215.14/a?b=%20#c"]),
    "country": st.sampled_from(["CN", "US", "CH", "DE", "SU", "XK"]),
    "time-zone": st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York", "Europe/Zurich"]),
    "calendar": st.sampled_from(_CALENDARS),
    "network": st.one_of(
        st.sampled_from(["127.0.0.0/8", "0.0.0.0/0", "::/0"]),
        st.integers(0, 255).map("192.0.2.{}".format),
    ),
    "decimal": st.sampled_from(["0.5", "0.25", "0.000001"]),
    "day-or-period": st.one_of(
        _DAYS, _YEARS, _YEARS.map("{}-Q2".format), _YEARS.map("{}-11".format)
    ),
    "date": _DAYS,
    "date-time": _INSTANTS,
    "rrule": st.sampled_from(
        ["FREQ=MONTHLY;BYMONTHDAY=15", "FREQ=YEARLY", "FREQ=WEEKLY;INTERVAL=2;COUNT=5"]
    ),
}

# Where a request names stored rows: the field, and what it names.
_NAMES = {
    "agreement": "agreements", "agreements": "agreements", "successor_agreement": "agreements",
    "code": "parties", "party": "parties", "obligors": "parties", "obligees": "parties",
    "obligor": "parties", "obligee": "parties", "asserted_by": "parties", "into": "parties",
    "deadline": "deadlines", "deadlines": "deadlines", "supersedes": "facts",
    "obligations": "obligations", "obligation_ref": "obligations", "parent": "obligations",
    "remedy_for": "obligations", "successor": "obligations",
    "teams": "teams", "evidence": "evidence",
}  # fmt: skip
# These create what `code` names.
_NEW_CODES = "POST /api/v1/parties/"


def register_formats() -> None:
    """Tell schemathesis what texts of each format look like."""
    for name, strategy in _FORMATS.items():
        schemathesis.openapi.format(name, strategy)


def known_values(stack: Stack, token: str) -> Known:
    """Return the names and ids of stored rows that are visible to the owner of a token."""

    def of(room: str, field: str) -> list[Any]:
        answer = stack.request("GET", f"/api/v1/{room}/?page_size=50", token=token)
        # Not every role may list everything.
        return [row[field] for row in answer.json().get("results", [])]

    return {
        "agreements": of("agreements", "ref"),
        "parties": of("parties", "code"),
        "deadlines": of("deadlines", "id"),
        "facts": of("facts", "id"),
        "obligations": of("obligations", "ref"),
        "evidence": of("evidence", "ref"),
        "teams": ["asia", "america"],
    }


def with_known_values(case: Any, known: Known) -> Any:
    """Return a valid case in which most names are those of stored rows.

    Otherwise nearly every request would name something that does not exist. A case that is invalid
    on purpose stays as it is: it might become valid.
    """
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return case
    # What the case contains determines what replaces it, so that a seed repeats a run.
    content = json.dumps([case.query, case.body], default=str, sort_keys=True)
    dice = random.Random(zlib.crc32(content.encode(errors="replace")))
    if isinstance(case.query, dict):
        # Only the server makes cursors.
        query = {name: value for name, value in case.query.items() if name != "cursor"}
        case.query = _replaced(query, known, dice)
    if isinstance(case.body, dict):
        is_new = case.operation.label == _NEW_CODES
        body = _replaced(case.body, known, dice, {"code"} if is_new else set())
        # A body that is assigned is validated anew, which is not possible if it has a file.
        if body != case.body:
            case.body = body
    return case


def _replaced(
    value: Any, known: Known, dice: random.Random, kept: set[str] | frozenset[str] = frozenset()
) -> Any:
    if isinstance(value, list):
        return [_replaced(each, known, dice) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _chosen(each, known[_NAMES[name]], dice)
        if name in _NAMES and name not in kept and dice.random() < 0.9
        else _replaced(each, known, dice)
        for name, each in value.items()
    }


def _chosen(value: Any, choices: list[Any], dice: random.Random) -> Any:
    """Return a stored name, or as many different ones as the list has, in place of `value`."""
    if isinstance(value, list) and all(isinstance(each, str | int) for each in value):
        return dice.sample(choices, min(len(value), len(choices)))
    if isinstance(value, str | int) and not isinstance(value, bool) and choices:
        return dice.choice(choices)
    return value
