"""What is read from outside is bounded before it is worked on, whatever it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from compliance.api import urls
from compliance.domain import limits
from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.agreements.documents import parse, read_agreement
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import Draft, read
from compliance.domain.json_text import values_at_most
from compliance.domain.problems import Invalid
from compliance.queries.filters import Filter

FORMATS = pytest.mark.parametrize("is_yaml", [False, True], ids=["json", "yaml"])


def refusal_of(text: bytes, *, is_yaml: bool) -> str:
    """Why a text is refused while it is parsed."""
    with pytest.raises(Invalid) as refusal:
        parse(text, is_yaml=is_yaml)
    [problem] = refusal.value.problems
    return problem.detail


@FORMATS
@pytest.mark.parametrize(
    "number",
    ["1e-60000000", "-1E-60000000", "0e-60000000", "1e-101", "1e101", "1e-9999999999999999999",
     "1.5e-0000000000000000000060000000"],
)  # fmt: skip
def test_a_number_that_is_too_large_or_too_small_is_refused(number: str, is_yaml: bool) -> None:
    text = f'{{"a": {number}}}'.encode()
    assert "must be between 1e-100 and 1e100" in refusal_of(text, is_yaml=is_yaml)


@pytest.mark.parametrize("number", ["1e60000000", "1e9999999999999999999", "+.1E+60000000"])
def test_yaml_refuses_numbers_that_json_cannot_hold(number: str) -> None:
    detail = refusal_of(f"a: {number}".encode(), is_yaml=True)
    assert detail.startswith("Line 1, column 4: ")
    assert "must be between 1e-100 and 1e100" in detail


@pytest.mark.parametrize("number", ["0." + "9" * 100, "9" * 101, "0." + "9" * 900_000])
def test_a_json_number_with_too_many_digits_is_refused(number: str) -> None:
    assert "digits" in refusal_of(f'{{"a": {number}}}'.encode(), is_yaml=False)


@FORMATS
def test_numbers_within_the_limits_are_read(is_yaml: bool) -> None:
    numbers = "[1e100, 1e-100, 12345678901234.123456, 0.000001, -7, 0, 0.0]"
    assert len(parse(numbers.encode(), is_yaml=is_yaml)) == 7  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("item", "is_yaml"), [("1", True), ("1", False), ("{}", False), ("[]", False), ('""', False)]
)
def test_a_text_with_too_many_values_is_refused(item: str, is_yaml: bool) -> None:
    text = "[" + f"{item}, " * limits.MOST_VALUES + f"{item}]"
    assert "more than 750,000 values" in refusal_of(text.encode(), is_yaml=is_yaml)


@FORMATS
def test_commas_and_brackets_in_a_text_are_not_values(is_yaml: bool) -> None:
    prose = ", [{:" * 200_000
    assert parse(json.dumps([prose, '\\",[' * 9]).encode(), is_yaml=is_yaml)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab\\",:[]{}'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('ab\\",:[]{}'), inner),
)


def count(value: Any) -> int:
    """How many values there are in a value, itself included."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(count, parts))


def empties(value: Any) -> int:
    """How many empty lists and objects there are in a value."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (value in ([], {})) + sum(map(empties, parts))


@given(VALUES)
def test_the_values_of_a_json_text_are_counted_without_reading_them(value: Any) -> None:
    counted = count(value) + empties(value)  # an empty container might have held one
    text = json.dumps(value).encode()
    assert values_at_most(text, counted)
    assert not values_at_most(text, counted - 1)


@FORMATS
def test_an_object_with_too_many_fields_is_refused(is_yaml: bool) -> None:
    fields = ", ".join(f'"f{n}": 1' for n in range(limits.MOST_FIELDS + 1))
    detail = refusal_of(f"[{{{fields}}}]".encode(), is_yaml=is_yaml)
    assert "more than 200 fields" in detail


@FORMATS
def test_deep_nesting_is_refused(is_yaml: bool) -> None:
    deepest = limits.DEEPEST
    assert parse(b"[" * deepest + b"]" * deepest, is_yaml=is_yaml)
    detail = refusal_of(b"[" * (deepest + 1) + b"]" * (deepest + 1), is_yaml=is_yaml)
    assert f"nested more than {deepest} levels deep" in detail


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n", "\u2028"])
def test_yaml_directives_are_refused_in_numbers(line_break: str) -> None:
    # libyaml compares each with all before it.
    text = "".join(f"%TAG !{n}! x{line_break}" for n in range(limits.MOST_DIRECTIVES + 1))
    assert "directives" in refusal_of(f"{text}--- a".encode(), is_yaml=True)
    assert parse(b"%YAML 1.2\n---\na: 1\n", is_yaml=True) == {"a": 1}


def problems_with(value: object) -> list[str]:
    """The paths of what is wrong with a document."""
    with pytest.raises(Invalid) as refusal:
        read(AgreementDocument, value)
    return [problem.path for problem in refusal.value.problems]


@pytest.mark.parametrize("name", ["parties", "obligations", "evidence", "facts", "milestones"])
def test_a_list_that_is_too_long_is_refused_before_its_items_are_read(name: str) -> None:
    most = AgreementDocument.model_json_schema()["properties"][name]["maxItems"]
    paths = problems_with({name: [{}] * (most + 1)})
    assert name in paths
    assert not [path for path in paths if path.startswith(f"{name}/")]


@pytest.mark.parametrize(
    "value",
    [
        {"obligations": [{}] * 20_000},
        {"obligations": [{"facts": [{}] * 20_000}] * 500},
        {"obligations": [{"facts": [{"type": "x"}] * 300, "positions": [{}] * 300}] * 500},
        {"evidence": [{}] * 5_000},
    ],
)
def test_reading_stops_after_a_thousand_problems(value: dict[str, Any]) -> None:
    paths = problems_with(value)
    assert len(paths) == limits.MOST_PROBLEMS
    [name] = value
    assert any(path.startswith(f"{name}/0/") for path in paths)
    assert not any(path.startswith(f"{name}/499/") for path in paths)


def test_a_problem_late_in_a_long_list_keeps_its_path_and_its_sentence() -> None:
    fact = {"type": "performance", "on": "2026-01-01"}
    facts: list[Any] = [fact] * 300
    facts[250] = {**fact, "evidence": ["E 1"]}
    facts[299] = {**fact, "nonsense": 1}
    value = {"obligations": [{"ref": "O-1", "facts": facts}]}
    with pytest.raises(Invalid) as refusal:
        read(AgreementDocument, value)
    said = {problem.path: problem.detail for problem in refusal.value.problems}
    assert said["obligations/0/facts/250/evidence/0"].startswith("Use letters, digits, dots")
    assert said["obligations/0/facts/299/nonsense"].startswith("Unknown field")
    assert "obligations/0/facts" not in said
    with pytest.raises(Invalid) as single:
        read(FactDraft, facts[250])
    assert single.value.problems[0].detail == said["obligations/0/facts/250/evidence/0"]


def every(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model and all that derive from it."""
    yield model
    for each in model.__subclasses__():
        yield from every(each)


def arrays(schema: Any) -> Iterator[dict[str, Any]]:
    """All arrays that a JSON schema describes."""
    if isinstance(schema, dict):
        if schema.get("type") == "array":
            yield schema
        for each in schema.values():
            yield from arrays(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from arrays(each)


def test_every_list_that_can_be_sent_is_bounded() -> None:
    assert urls.urlpatterns  # all drafts of the API are imported
    models = {model for kind in (Draft, Filter) for model in every(kind)}
    assert len(models) > 40
    unbounded = [
        (model.__name__, each)
        for model in models
        for each in arrays(model.model_json_schema())
        if "maxItems" not in each
    ]
    assert not unbounded
    fields = max(len(model.model_fields) for model in models)
    assert fields * 5 <= limits.MOST_FIELDS


def test_no_body_may_contain_a_field_that_is_not_declared() -> None:
    assert urls.urlpatterns
    assert all(each.model_config["extra"] == "forbid" for each in every(Draft))


@pytest.mark.parametrize(
    "is_yaml", [pytest.param(True, id="yaml", marks=pytest.mark.exhaustive), False]
)
def test_a_document_with_5550_obligations_and_50000_outcomes_is_read(is_yaml: bool) -> None:
    fact = (
        '{"type": "performance", "on": "2024-01-15", "due_on": "2024-01-31", "quantity": 12.5,'
        ' "note": "Reported by the ministry.", "evidence": ["E-1"]}'
    )
    obligations = ",\n".join(
        f'{{"ref": "O-{n}", "title": "Deliver report {n}", "obligors": ["AAA"], "obligees":'
        ' ["BBB"], "clause": "Article 4", "due": {"type": "date", "on": "2024-01-31"},'
        f' "severity": "high", "tags": ["a", "b"], "facts": [{", ".join([fact] * (9 + n % 2))}]}}'
        for n in range(5_550)
    )
    parties = ", ".join(
        f'{{"code": "{code}", "name": "{code}", "kind": "company", "timezone": "UTC"}}'
        for code in ("AAA", "BBB")
    )
    text = (
        '{"format": "pacta.agreement/v1", "ref": "big", "title": "Big", "kind": "contract",'
        f' "parties": [{parties}], "obligations": [{obligations}]}}'
    )
    document = read_agreement(text.encode(), is_yaml=is_yaml)
    assert len(document.obligations) == 5_550
    assert sum(len(each.facts) for each in document.obligations) > 50_000
