"""Text from outside as plain values: strict JSON, and the plain part of YAML 1.2.

YAML is read by its core rules alone, so that `NO` is a word, `17:00` is a word, and a day is left
for the drafts to read. What makes a short text stand for a large or a hidden one is refused:
anchors and aliases, tags, fields that stand twice, deep nesting, several documents in one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NoReturn

import orjson
import yaml

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid, refusal

DEEPEST = 30
_LONGEST_NUMBER = 100

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FRACTION = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)


def parse(text: bytes, *, is_yaml: bool) -> object:
    """The value that a JSON or YAML text stands for; numbers with a fraction are exact.

    Raises:
        Invalid: it cannot be read, at the empty path, with its line and column where known.
    """
    return _from_yaml(text) if is_yaml else _from_json(text)


def read_agreement(text: bytes, *, is_yaml: bool) -> AgreementDocument:
    """A whole agreement document, checked.

    Raises:
        Invalid: with every problem and its path in the document.
    """
    value = parse(text, is_yaml=is_yaml)
    if not isinstance(value, dict):
        raise refusal("", "The document is one object: fields and their values.")
    return read(AgreementDocument, value)


def _from_json(text: bytes) -> object:
    try:
        # The stricter reader first: it refuses NaN, lone surrogates, bad UTF-8 and deep nesting.
        orjson.loads(text)
        return json.loads(text, object_pairs_hook=_each_once, parse_float=Decimal)
    except json.JSONDecodeError as error:
        reason = error.msg[:1].upper() + error.msg[1:]
        raise refusal("", f"{_place(error.lineno, error.colno)}: {reason}.") from None
    except RecursionError:
        raise refusal("", "It is nested too deeply.") from None
    except ValueError as error:
        # A whole number with more digits than Python is willing to read.
        if isinstance(error, Invalid):
            raise
        raise refusal("", "It has a number with too many digits.") from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise refusal("", f"The field {twice[:80]} stands twice in one object.")
    return found


def _from_yaml(text: bytes) -> object:
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise refusal("", f"Line {line}: the text is not UTF-8.") from None
    events = iter(yaml.parse(decoded, Loader=yaml.CSafeLoader))
    try:
        return _document(events)
    except yaml.reader.ReaderError as error:
        line = decoded.count("\n", 0, error.position) + 1
        raise refusal("", f"Line {line}: {error.reason}.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = ", ".join(filter(None, (error.context, error.problem)))
        reason = reason[:1].upper() + reason[1:]
        place = f"{_place(mark.line + 1, mark.column + 1)}: " if mark else ""
        raise refusal("", f"{place}{reason}.") from None


def _document(events: Iterator[yaml.Event]) -> object:
    value: object = None
    is_read = False
    for event in events:
        if isinstance(event, yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentEndEvent):
            continue
        if isinstance(event, yaml.DocumentStartEvent):
            if is_read:
                _refuse(event, "Give one document, not several.")
            is_read = True
            continue
        value = _node(event, events, 1)
    return value


def _node(event: Any, events: Iterator[yaml.Event], depth: int) -> object:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        _refuse(event, "Write the value out: anchors (&) and aliases (*) are not read.")
    if event.tag is not None:
        _refuse(event, "Leave the tag (!) out: what a value is follows from its field.")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if depth > DEEPEST:
        _refuse(event, f"It is nested more than {DEEPEST} deep.")
    if isinstance(event, yaml.SequenceStartEvent):
        return [_node(each, events, depth + 1) for each in _until(yaml.SequenceEndEvent, events)]
    found: dict[str, object] = {}
    for name in _until(yaml.MappingEndEvent, events):
        key = _node(name, events, depth + 1)
        if not isinstance(key, str):
            _refuse(name, "A field's name is a word.")
        if key in found:
            _refuse(name, f"The field {key[:80]} stands twice.")
        found[key] = _node(next(events), events, depth + 1)
    return found


def _until(end: type[yaml.Event], events: Iterator[yaml.Event]) -> Iterable[yaml.Event]:
    for event in events:
        if isinstance(event, end):
            return
        yield event


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
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FRACTION.fullmatch(text):
        return Decimal(text)
    return text


def _refuse(event: Any, detail: str) -> NoReturn:
    mark = event.start_mark
    raise refusal("", f"{_place(mark.line + 1, mark.column + 1)}: {detail}")


def _place(line: int, column: int) -> str:
    return f"Line {line}, column {column}"
