"""Parse JSON and YAML text strictly into plain values, and read agreement documents.

YAML follows the core schema of YAML 1.2, in which `NO` and `17:00` are strings. Days stay strings
too; the drafts parse them. Anything that lets a short text stand for a large or hidden value is
rejected: anchors and aliases, tags, repeated fields, deep nesting, and several documents in one
text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

import yaml

from compliance.domain import limits
from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.drafts import read
from compliance.domain.json_text import parse_json
from compliance.domain.problems import naming, refusal

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
# These are the line breaks of libyaml.
_DIRECTIVE = re.compile(r"(?:^|[\n\r\x85\u2028\u2029])%")
_FRACTION = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)


def parse(text: bytes, *, is_yaml: bool) -> object:
    """Return the value of a JSON or YAML text; numbers with a fraction are exact.

    Raises:
        Invalid: it cannot be read, at the empty path, with its line and column where known.
    """
    return _from_yaml(text) if is_yaml else parse_json(text)


def read_agreement(text: bytes, *, is_yaml: bool) -> AgreementDocument:
    """Return a validated agreement document.

    Raises:
        Invalid: with every problem and its path in the document.
    """
    value = parse(text, is_yaml=is_yaml)
    if not isinstance(value, dict):
        raise refusal("", "The document must be one object with fields and values.")
    return agreement_of(value)


def agreement_of(value: Mapping[str, object]) -> AgreementDocument:
    """Return a validated agreement document from its fields and values.

    Raises:
        Invalid: with every problem and its path in the document; see `naming`.
    """
    with naming({name: [_ref_of(each) for each in _items(value, name)] for name in _NAMED}):
        return read(AgreementDocument, value)


def refs_of(document: AgreementDocument) -> dict[str, list[str]]:
    """Return the refs by which `naming` names the parts of a document."""
    return {
        "obligations": [each.ref for each in document.obligations],
        "evidence": [each.ref for each in document.evidence],
        "milestones": [each.ref for each in document.milestones],
        "parties": [each.code for each in document.parties],
    }


_NAMED = ("obligations", "evidence", "milestones", "parties")


def _items(value: Mapping[str, object], name: str) -> list[object]:
    items = value.get(name)
    return items if isinstance(items, list) else []


def _ref_of(item: object) -> object:
    return item.get("ref", item.get("code")) if isinstance(item, dict) else None


def _from_yaml(text: bytes) -> object:
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise refusal("", f"Line {line}: the text is not UTF-8.") from None
    if len(_DIRECTIVE.findall(decoded)) > limits.MOST_DIRECTIVES:
        sentence = f"Remove directives (%): at most {limits.MOST_DIRECTIVES} are accepted."
        raise refusal("", sentence)
    try:
        return _Reader(yaml.parse(decoded, Loader=yaml.CSafeLoader)).document()
    except yaml.reader.ReaderError as error:
        line = decoded.count("\n", 0, error.position) + 1
        raise refusal("", f"Line {line}: remove the control characters.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{_place(mark.line + 1, mark.column + 1)}: " if mark else ""
        reason = next(
            (ours for theirs, ours in _REASONS if theirs in (error.problem or "")), _VAGUE
        )
        raise refusal("", f"{place}{reason}") from None


_VAGUE = "This is not valid YAML: check the indentation and the quotes."
# What libyaml says, and what we say instead.
_REASONS = (
    ("mapping values are not allowed", "A colon is not allowed here: put the text in quotes."),
    ("cannot start any token", "A value cannot start with this character: put it in quotes."),
    ("could not find expected ':'", "A colon is missing after the name of a field."),
    ("did not find expected key", "The name of a field is missing, or indented differently."),
    ("did not find expected '-'", "A list item is missing its hyphen, or is indented differently."),
    ("did not find expected ',' or", "A comma is missing, or a bracket is not closed."),
    ("unexpected end of stream", "A quote is not closed."),
    ("node content", "A value is missing, or a bracket is not closed."),
    ("found a tab", "Indent with spaces instead of tabs."),
    ("unknown escape character", "There is no such escape sequence: use single quotes."),
    ("document indicator", "A text is not closed before the end of the document."),
)


class _Reader:
    """Reads the events of a YAML text one at a time, and counts the values."""

    def __init__(self, events: Iterable[yaml.Event]) -> None:
        self._events = iter(events)
        self._left = limits.MOST_VALUES

    def document(self) -> object:
        """Return the value of the only document."""
        value: object = None
        is_read = False
        marks = yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentEndEvent
        for event in self._events:
            if isinstance(event, marks):
                continue
            if isinstance(event, yaml.DocumentStartEvent):
                if is_read:
                    _refuse(event, "Give only one document.")
                is_read = True
                continue
            value = self._value(event, 1)
        return value

    def _value(self, event: Any, depth: int) -> object:
        _refuse_shorthand(event)
        self._left -= 1
        if self._left < 0:
            _refuse(event, limits.TOO_MANY_VALUES)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if depth > limits.DEEPEST:
            _refuse(event, limits.TOO_DEEP)
        if isinstance(event, yaml.SequenceStartEvent):
            return [self._value(each, depth + 1) for each in self._until(yaml.SequenceEndEvent)]
        found: dict[str, object] = {}
        for name in self._until(yaml.MappingEndEvent):
            key = _name(name)
            if key in found:
                _refuse(name, f"The field {key[:80]} is given twice.")
            if len(found) == limits.MOST_FIELDS:
                _refuse(name, limits.TOO_MANY_FIELDS)
            found[key] = self._value(next(self._events), depth + 1)
        return found

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event


def _refuse_shorthand(event: Any) -> None:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        _refuse(event, "Write out the value: anchors (&) and aliases (*) are not supported.")
    if event.tag is not None:
        _refuse(event, "Remove the tag (!): the field determines the type of its value.")


def _name(event: Any) -> str:
    _refuse_shorthand(event)
    name = _scalar(event) if isinstance(event, yaml.ScalarEvent) else None
    if not isinstance(name, str):
        _refuse(event, "The name of a field must be a string.")
    return name


def _scalar(event: Any) -> object:
    text: str = event.value
    if not event.implicit[0]:
        return text
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if len(text) > limits.LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FRACTION.fullmatch(text):
        number = limits.decimal_within(text)
        if number is None:
            _refuse(event, f"This is the number {text}. {limits.OUT_OF_RANGE}")
        return number
    return text


def _refuse(event: Any, detail: str) -> NoReturn:
    mark = event.start_mark
    raise refusal("", f"{_place(mark.line + 1, mark.column + 1)}: {detail}")


def _place(line: int, column: int) -> str:
    return f"Line {line}, column {column}"
