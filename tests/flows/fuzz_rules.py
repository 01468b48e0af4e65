"""When Pacta may reject a request that the OpenAPI document allows."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

from schemathesis.openapi.checks import RejectedPositiveData

from compliance.domain.drafts import _SENTENCES
from compliance.domain.fields import FORM_ADVICE


def is_beyond_the_document(failure: Any, response: Any) -> bool:
    """Return whether an allowed request was rejected for a reason that JSON Schema cannot express.

    It knows neither the stored rows ("Party X does not exist."), nor the clock, nor how values
    depend on each other ("ends_on is before the agreement begins."). What it can express (types,
    lengths, patterns, limits, required and unknown fields), the document must say, so those
    rejections stay failures. So do all other failures, of all checks.
    """
    if not isinstance(failure, RejectedPositiveData):
        return False
    if response.status_code != HTTPStatus.BAD_REQUEST:
        return False
    try:
        problem = json.loads(response.content)
        details = [each["detail"] for each in problem["errors"]] or [problem["detail"]]
    except (ValueError, KeyError, TypeError):
        return False
    return not any(map(_EXPRESSIBLE.fullmatch, details))


def _pattern(sentence: str) -> str:
    """Return the pattern of a sentence in which `{name}` stands for some text."""
    return ".*".join(map(re.escape, re.split(r"\{\w+\}", sentence)))


_EXPRESSIBLE = re.compile(
    "|".join((
        *map(_pattern, _SENTENCES.values()),
        *map(re.escape, FORM_ADVICE.values()),
        r"This must match the pattern .*",
        r"This has .* characters; at most .* are accepted: shorten it\.",
        r"Unknown parameter\..*",
        r"Give \w+ once\.",
        r"Send a JSON object\.",
        r"The request cannot be read\.",
    )),
    re.DOTALL,
)  # fmt: skip
