"""Drafts: validated input, the same for agreement documents, API bodies and admin forms.

Because all three entry points read the same drafts, input that one accepts is accepted by the
others. A draft is valid in itself; the operations check whether it fits the stored data. Each
subpackage has its drafts in a `drafts` module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from compliance.domain.fields import FORM_ADVICE
from compliance.domain.limits import MOST_PROBLEMS
from compliance.domain.problems import Invalid, Problem


class Draft(BaseModel):
    """A frozen value from outside. Unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    kind = error["type"]
    if kind in {"extra_forbidden", "unexpected_keyword_argument"}:
        return "Unknown field: correct its name or remove it."
    if kind == "missing":
        return "This field is required."
    if kind == "string_pattern_mismatch":
        pattern = error["ctx"]["pattern"]
        return FORM_ADVICE.get(pattern, f"This must match the pattern {pattern}.")
    if kind == "too_short":
        return "Give at least one."
    message: str = error["msg"].removeprefix("Value error, ")
    return message if message.endswith(".") else f"{message}."
