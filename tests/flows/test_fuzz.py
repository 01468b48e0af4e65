"""A short run of `make fuzz`, and tests of which failures it overlooks."""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from standalone.postgres import Postgres
from tests.flows.conftest import stack_in

# Schemathesis takes most of a second to import, so only the tests that need it do so.


def _response(*details: str, status: int = 400) -> Any:
    errors = [{"path": "name", "detail": detail} for detail in details]
    return SimpleNamespace(
        status_code=status, content=json.dumps({"detail": "", "errors": errors}).encode()
    )


@pytest.mark.parametrize(
    ("details", "is_overlooked"),
    [
        (["Party XX does not exist. Create it first."], True),
        (["ends_on (2025-01-01) is before the agreement begins (2026-01-01)."], True),
        (["This field is required."], False),
        (["Give a number not greater than 366."], False),
        (["This has 201 characters; at most 200 are accepted: shorten it."], False),
        (["Unknown field: correct its name or remove it."], False),
        (["Party XX does not exist. Create it first.", "Give text."], False),
    ],
)
def test_only_rejections_for_reasons_that_json_schema_cannot_express_are_overlooked(
    details: list[str], is_overlooked: bool
) -> None:
    from schemathesis.openapi.checks import RejectedPositiveData

    from tests.flows.fuzz_rules import is_beyond_the_document

    rejected = RejectedPositiveData(
        operation="POST /parties/", message="", status_code=400, allowed_statuses=["2xx"]
    )
    assert is_beyond_the_document(rejected, _response(*details)) is is_overlooked


def test_no_other_failure_is_overlooked() -> None:
    from schemathesis.core.failures import AcceptedNegativeData
    from schemathesis.openapi.checks import RejectedPositiveData

    from tests.flows.fuzz_rules import is_beyond_the_document

    details = "Party XX does not exist. Create it first."
    accepted = AcceptedNegativeData(
        operation="POST /parties/", message="", status_code=400, expected_statuses=["400"]
    )
    rejected = RejectedPositiveData(
        operation="POST /parties/", message="", status_code=415, allowed_statuses=["2xx"]
    )
    assert not is_beyond_the_document(accepted, _response(details))
    assert not is_beyond_the_document(rejected, _response(details, status=415))


@pytest.mark.flow
@pytest.mark.exhaustive
def test_every_response_is_one_that_the_openapi_document_describes(
    tmp_path: Path, copy_data_folder: Callable[[Postgres], None]
) -> None:
    from tests.flows import fuzz

    seed = secrets.randbits(32)
    print(f"seed {seed}")
    roles = [*random.Random(seed).sample(fuzz.ROLES[:-1], 1), "administrator"]
    with stack_in(tmp_path, "", copy_data_folder) as stack:
        stack.start("web")
        tokens = fuzz.prepare(stack)
        schema = fuzz.load(stack, stack.token, cases=250)
        for role in roles:
            outcome = fuzz.fuzz(stack, schema, role, tokens[role], cases=250, seed=seed)
            fuzz.report(outcome)
            assert not outcome.failures
            assert outcome.total >= 250
