"""Drafts: validated input, the same for agreement documents, API bodies and admin forms.

Because all three entry points read the same drafts, input that one accepts is accepted by the
others. A draft is valid in itself; the operations check whether it fits the stored data. Each
subpackage has its drafts in a `drafts` module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from compliance.domain.fields import FORM_ADVICE, LongTitle
from compliance.domain.limits import MOST_PROBLEMS
from compliance.domain.problems import Invalid, Problem


class Draft(BaseModel):
    """A frozen value from outside. Unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True)


LONGEST_REASON = 1_000


class ReasonDraft(Draft):
    """Why someone changes something."""

    reason: Annotated[
        LongTitle,
        Field(description="Why; kept in the history and the audit log with what it changes."),
    ]


ModelT = TypeVar("ModelT", bound=BaseModel)


def read(model: type[ModelT], value: object) -> ModelT:
    """Return `value` (plain JSON-like data) as a draft.

    Raises:
        Invalid: with every problem and its path in the value.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Invalid(problems_of(error)) from None


def problems_of(error: ValidationError) -> list[Problem]:
    """Return the problems in a validation error, at most `MOST_PROBLEMS`."""
    found = error.errors(include_url=False, include_input=True)
    # Pydantic counts only valid items, so it also reports a list with an invalid item as too short.
    parents = {each["loc"][:length] for each in found for length in range(len(each["loc"]))}
    return [
        Problem(path="/".join(map(str, each["loc"])), detail=_sentence(each))
        for each in found
        if each["type"] != "too_short" or each["loc"] not in parents
    ][:MOST_PROBLEMS]


def _sentence(error: Mapping[str, Any]) -> str:
    """Return an error in our own words, which do not depend on the version of Pydantic."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        return FORM_ADVICE.get(pattern, f"This must match the pattern {pattern}.")
    if kind == "string_too_long":
        count = len(error["input"].strip())
        most = context["max_length"]
        return f"This has {count:,} characters; at most {most:,} are accepted: shorten it."
    if kind in _CHOICES:
        return _choice(kind, _MEMBER.sub(r"\1", context[_CHOICES[kind]]), context)
    if kind in _SENTENCES:
        return _SENTENCES[kind].format_map(_Known(context))
    if kind not in {"value_error", "assertion_error"} and error["msg"].startswith("Input should"):
        return "This value is not accepted here: correct it."
    message: str = error["msg"].removeprefix("Value error, ")
    return message if message.endswith((".", "?")) else f"{message}."


def _choice(kind: str, options: str, context: Mapping[str, Any]) -> str:
    """Return which values are accepted, as Pydantic lists them: `'a'`, `'a' or 'b'`."""
    role = f" as {context['discriminator']}" if kind == "union_tag_invalid" else ""
    if _SEPARATOR.search(options) is None:
        return f"Give {options}{role}: nothing else is accepted here."
    return f"Give one of these{role}: {options}."


# The errors about a value that is none of several, and where their context lists these.
_CHOICES = {"enum": "expected", "literal_error": "expected", "union_tag_invalid": "expected_tags"}
# What stands between two options, of which each is quoted.
_SEPARATOR = re.compile(r"'(?:,| or) '")
# A member of an enum, as Pydantic writes it.
_MEMBER = re.compile(r"<\w+\.\w+: ('[^']*')>")


class _Known(dict[str, Any]):
    """The context of an error; what it lacks stays as it is."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


_LIST = "Give a list."
_OBJECT = "Give an object with fields and values."
_NUMBER = "Give a number."
_WHOLE = "Give a whole number."
_INSTANT = "Write the instant with its offset, such as 2025-05-14T16:00:00Z."
_SENTENCES = {
    "extra_forbidden": "Unknown field: correct its name or remove it.",
    "unexpected_keyword_argument": "Unknown field: correct its name or remove it.",
    "missing": "This field is required.",
    "missing_argument": "This field is required.",
    "too_short": "Give at least one.",
    "string_too_short": "This is empty: enter some text.",
    "string_type": "Give text.",
    "bool_type": "Give true or false.",
    "time_parsing": "Give a time such as 22:00.",
    "time_type": "Give a time such as 22:00.",
    "bool_parsing": "Give true or false.",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "finite_number": "Give a finite number.",
    "greater_than": "Give a number greater than {gt}.",
    "greater_than_equal": "Give a number not less than {ge}.",
    "less_than": "Give a number less than {lt}.",
    "less_than_equal": "Give a number not greater than {le}.",
    "union_tag_not_found": "Give {discriminator}: it says what the other fields mean.",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "none_required": "Give null, or leave it out.",
    "datetime_type": _INSTANT,
    "datetime_parsing": _INSTANT,
    "datetime_from_date_parsing": _INSTANT,
    "timezone_aware": _INSTANT,
    "string_unicode": "Remove the characters that are not valid Unicode.",
    "int_parsing_size": "Give a smaller number.",
}
