"""Documents are parsed strictly, and refused with line and column."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from compliance.domain.agreements.documents import parse, read_agreement
from compliance.domain.problems import Invalid

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))


def said(text: bytes, *, is_yaml: bool) -> str:
    """Why a text is refused."""
    with pytest.raises(Invalid) as refusal:
        parse(text, is_yaml=is_yaml)
    [problem] = refusal.value.problems
    assert problem.path == ""
    return problem.detail


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_examples_can_be_read(file: Path) -> None:
    assert read_agreement(file.read_bytes(), is_yaml=True).ref == file.stem


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("17:00", "17:00"),
        ("2025-05-14", "2025-05-14"),
        ("2025-05-14T16:00:00Z", "2025-05-14T16:00:00Z"),
        ("1_000", "1_000"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-7", -7),
        ("60.10", Decimal("60.10")),
        ("1e3", Decimal(1000)),
        (".nan", ".nan"),
        ("~", None),
        ("null", None),
        ("", None),
        ("true", True),
        ("False", False),
        ("'true'", "true"),
        ('"7"', "7"),
        ("9" * 5_000, "9" * 5_000),
        ("٣", "٣"),
        ("<<", "<<"),
        ("[a, [b]]", ["a", ["b"]]),
        ("{a: 1, 'b': null}", {"a": 1, "b": None}),
    ],
)
def test_yaml_is_read_by_the_core_schema(text: str, value: object) -> None:
    assert parse(f"x: {text}".encode(), is_yaml=True) == {"x": value}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"a: 1\na: 2", "Line 2, column 1: The field a is given twice."),
        (b"a: &b 1", "Line 1, column 4: Write out the value"),
        (b"a: [*b]", "Line 1, column 5: Write out the value"),
        (b"a: !!str 1", "Line 1, column 4: Remove the tag"),
        (b"a: !!python/name:os.system ''", "Line 1, column 4: Remove the tag"),
        (b"a: 1\n---\nb: 1", "Line 2, column 1: Give only one document"),
        (b"? [a]\n: 1", "Line 1, column 3: The name of a field must be a string."),
        (b"1: a", "Line 1, column 1: The name of a field must be a string."),
        (b"a:\n\tb: 1", "Line 2, column 1: A value cannot start with this character"),
        (b"a: [1,", "Line 2, column 1: A value is missing, or a bracket is not closed."),
        (b"[" * 31, "Line 1, column 31: It is nested more than 30 levels deep."),
        (b"a\n- b: \x07", "Line 2: remove the control characters."),
        (b"a: 1\nb: \xff", "Line 2: the text is not UTF-8."),
    ],
)
def test_unsupported_yaml_is_refused_with_line_and_column(text: bytes, reason: str) -> None:
    assert said(text, is_yaml=True).startswith(reason)


def test_a_small_yaml_text_cannot_expand_to_a_large_one() -> None:
    laughs = b"a: &a [x, x]\n" + b"".join(
        b"%c: &%c [*%c, *%c]\n" % (n, n, n - 1, n - 1) for n in range(ord("b"), ord("z"))
    )
    assert "anchors" in said(laughs, is_yaml=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "Line 1, column 1"),
        (b'{"a": NaN}', "Line 1, column 7"),
        (b'{"a":\n1e999}', "Line 2, column 1: This number is too large."),
        (b'"\\ud800"', "Line 1, column 2: This escape sequence is only half of a character: "),
        (b'"\xff"', "Line 1, column 1: This text is not valid UTF-8."),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "The field c is given twice in one object."),
        (b"[" * 100_000, "Line 1, column 1026: "),
        (b"9" * 5_000, "Line 1, column 1: This number is too large."),
        (b'[{"a": ' + b"9" * 300 + b"}" * 2, "Line 1"),
    ],
)
def test_invalid_json_is_refused_with_the_reason(text: bytes, reason: str) -> None:
    assert said(text, is_yaml=False).startswith(reason)


def test_numbers_keep_all_their_digits() -> None:
    assert parse(b'{"a": 12345678901234.123456}', is_yaml=False) == {
        "a": Decimal("12345678901234.123456")
    }


def test_every_problem_of_a_document_is_reported_with_its_path() -> None:
    text = b"""
    format: pacta.agreement/v2
    ref: supply
    title: T
    kind: contract
    parties: [{code: acme, name: A, kind: company, timezone: Europe/Berlin}]
    obligations:
      - {ref: O-1, title: T, obligors: [ACME], obligees: [ACME], due: {type: date, on: 2026-02-30}}
    """
    with pytest.raises(Invalid) as refusal:
        read_agreement(text, is_yaml=True)
    assert {problem.path for problem in refusal.value.problems} == {
        "format",
        "parties/0/code",
        "obligations/0/due/on",
    }
