"""Fuzz: schemathesis sends what the OpenAPI document allows, and what it forbids, as each role.

`python -m tests.flows.fuzz [--cases N] [--seed N] [--role ROLE ...]`. All phases and checks of
schemathesis run against a real server with the agreements of several teams. Every response must
have a documented status, media type, headers and body; what the document forbids must be rejected,
and what it allows accepted, except for the reasons in `fuzz_rules.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import django
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transforms import deepclone
from schemathesis.engine import events, from_schema
from schemathesis.engine.run import PhaseName
from schemathesis.generation.case import Case
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER
from schemathesis.specs.openapi.schemas import OpenApiSchema

from compliance.domain.agreements import documents
from config.env import BASE_DIR
from tests import databases
from tests.flows import fuzz_values
from tests.flows.conftest import Stack, stack_in
from tests.flows.fuzz_rules import is_beyond_the_document
from tests.flows.stack_data import obligation

# The administrator comes last, because it may close the accounts of the others.
ROLES = ("viewer", "analyst", "reviewer", "service account", "administrator")
TEAMS = ("asia", "america")
TOKEN = "fuzz"
BASE = "/api/v1"
# Operations that could end the session of the role itself, which would end the run.
_SELF_DESTRUCTIVE = {
    "DELETE /api/v1/tokens/{id}/": "token",
    "POST /api/v1/tokens/{id}/rotate/": "token",
    "PATCH /api/v1/users/{id}/": "user",
    "POST /api/v1/users/{id}/close/": "user",
}
_MISSING = 2**60
_COVERAGE_FROM = 1_000
_LONGEST_EXCERPT = 1_000
# With a limit, schemathesis repeats its phases. A run ends when it has sent enough.
_LONGEST_RUN = 86_400
# Longer than somebody stops a run for, who needs the machine for something else.
_PATIENCE = 1_200


@dataclass(kw_only=True)
class Outcome:
    """What a run as one role found.

    Attributes:
        cases: how many requests were sent, by phase.
        statuses: how often the server responded with each status; 0 if it did not respond.
        rejections: how many requests were rejected for reasons that the document cannot express.
        failures: descriptions of all others, with a command that repeats the request.
    """

    role: str
    cases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    rejections: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """How many requests were sent."""
        return self.cases.total()


def prepare(stack: Stack) -> dict[str, str]:
    """Enter the agreements of several teams and somebody of each role; return their tokens."""
    for team in TEAMS:
        stack.post(f"{BASE}/teams/", {"slug": team, "name": team.title()})
    for path in sorted((BASE_DIR / "examples").glob("*.yaml")):
        example = documents.parse(path.read_bytes(), is_yaml=True)
        stack.post(f"{BASE}/agreements/import/", json.loads(json.dumps(example, default=float)))
    for each in (None, *TEAMS):
        stack.post(f"{BASE}/agreements/import/", _supply(each))
    people = {role: f"{role.replace(' ', '-')}@example.org" for role in ROLES}
    for role, email in people.items():
        is_service = role == "service account"
        user = {
            "email": email,
            "roles": ["analyst" if is_service else role],
            "teams": TEAMS[:1],
            "is_service_account": is_service,
        }
        stack.post(f"{BASE}/users/", user)
    # Only people create their own tokens, so the operator does.
    script = (
        "from compliance.models import User\n"
        "from compliance.operations.people.tokens import create_token\n"
        f"for email in {list(people.values())}:\n"
        "    user = User.objects.get(email=email)\n"
        f"    print(create_token(name='{TOKEN}', user=user, is_read_only=False))\n"
    )
    keys = stack.manage("shell", "--no-imports", "-c", script).stdout.split()
    return dict(zip(people, keys, strict=True))


def _supply(team: str | None) -> dict[str, Any]:
    """Return the document of an agreement with past and future deadlines, perhaps of one team."""
    now = datetime.now(UTC).replace(microsecond=0)
    parties = (("CHN", "China", "Asia/Shanghai"), ("USA", "USA", "America/New_York"))
    document: dict[str, Any] = {
        "format": "pacta.agreement/v1",
        "ref": f"supply-{team or 'all'}",
        "title": "Supply",
        "kind": "contract",
        "parties": [
            {"code": code, "name": name, "kind": "state", "timezone": zone}
            for code, name, zone in parties
        ],
        "obligations": [
            obligation(f"O-{days}", f"Deliver lot {days}", now + timedelta(days=days))
            for days in (-20, -3, 2, 40)
        ],
    }
    return document if team is None else {**document, "visibility": "teams", "teams": [team]}


def load(stack: Stack, token: str, *, cases: int) -> OpenApiSchema:
    """Return the OpenAPI document of a stack, for runs of that many requests as all roles.

    What schemathesis builds from it to generate requests takes long, and is kept with it.
    """
    fuzz_values.register_formats()
    config = SchemathesisConfig(max_time=_LONGEST_RUN)
    config.projects.default.update(continue_on_failure=True, request_timeout=_PATIENCE)
    schema = schemathesis.openapi.from_url(
        f"{stack.address}{BASE}/schema/",
        config=config,
        headers={"Authorization": f"Bearer {token}"},
    )
    schema.iter_coverage_cases = _sampled(schema.iter_coverage_cases, most=cases / 1_000)  # type: ignore[method-assign]  # on purpose
    return schema


def fuzz(
    stack: Stack, schema: OpenApiSchema, role: str, token: str, *, cases: int, seed: int
) -> Outcome:
    """Send at least `cases` requests as a role: all phases, and the last two again and again."""
    outcome = Outcome(role=role)
    begun = time.monotonic()
    config = schema.config
    config.seed = seed
    config.update(headers={"Authorization": f"Bearer {token}"})
    config.generation.update(max_examples=max(1, cases // 1_000), no_shrink=True, database="none")
    config.phases.stateful.generation.update(
        max_examples=max(10, cases // 30), no_shrink=True, database="none"
    )
    # It would build everything anew for each response that it learns from.
    config.phases.fuzzing.error_feedback.is_enabled = False
    # Generating all of its cases takes longer than sending those of a short run.
    config.phases.coverage.enabled = cases >= _COVERAGE_FROM
    with _sparing(stack, token), _hooks(schema, stack, token, outcome):
        for event in _events(schema, outcome, cases):
            # Otherwise the rest of the run would consist of refusals.
            if isinstance(event, events.PhaseFinished) and not _is_signed_in(stack, token):
                outcome.failures.append("The token of the role is no longer valid.")
    if outcome.total < cases and not outcome.failures:
        outcome.failures.append("The run ended early.")
    outcome.seconds = time.monotonic() - begun
    return outcome


def _is_signed_in(stack: Stack, token: str) -> bool:
    return stack.request("GET", f"{BASE}/users/me/", token=token).status == HTTPStatus.OK


@contextmanager
def _hooks(schema: OpenApiSchema, stack: Stack, token: str, outcome: Outcome) -> Iterator[None]:
    """Let a run name stored rows, and count the refusals that the document cannot express."""
    known = fuzz_values.known_values(stack, token)

    def map_case(_context: Any, case: Any) -> Any:
        return fuzz_values.with_known_values(case, known)

    def filter_failure(_context: Any, failure: Any, _case: Any, response: Any) -> bool:
        if not is_beyond_the_document(failure, response):
            return True
        outcome.rejections += 1
        return False

    for hook in (map_case, filter_failure):
        schema.hooks.hook(hook)
    try:
        yield
    finally:
        schema.hooks.unregister_all()


def _sampled(
    generate: Callable[..., Iterable[Case]], *, most: float
) -> Callable[..., Iterator[Case]]:
    """Return a generator of a sample of the coverage cases, which keeps it for the next role.

    A nested body has thousands of cases, which take minutes to generate. All are sampled up to
    `most`, and ever fewer of those that follow.
    """
    kept: dict[str, list[Case]] = {}

    def sampled(operation: Any, **options: Any) -> Iterator[Case]:
        if operation.label not in kept:
            kept[operation.label] = [
                case
                for count, case in enumerate(generate(operation, **options), 1)
                # Multiples of the golden ratio are spread evenly (Knuth, TAOCP 3, section 6.4).
                if count <= most or (count * 0.6180339887498949) % 1 < most / count
            ]
        for case in kept[operation.label]:
            yield _copied(case, operation)

    return sampled


def _copied(case: Case, operation: Any) -> Case:
    """Return a case of its own, because a run changes what it sends and what it knows of it."""
    meta = case._meta
    if meta is not None:
        meta = copy(meta)
        meta.generation = copy(meta.generation)
        meta.components = {place: copy(each) for place, each in meta.components.items()}
        for name in ("_last_validated_hashes", "_initial_hashes", "_initial_containers"):
            setattr(meta, name, dict(getattr(meta, name)))
        meta._dirty = set()
    return Case(
        operation,
        case.method,
        case.path,
        path_parameters=deepclone(case.path_parameters),
        headers=case.headers.copy(),
        cookies=deepclone(case.cookies),
        query=deepclone(case.query),
        body=deepclone(case.body),
        media_type=case.media_type,
        multipart_content_types=case.multipart_content_types,
        meta=meta,
    )


@contextmanager
def _sparing(stack: Stack, token: str) -> Iterator[None]:
    """Replace the ids of the user and the token of a run in requests that would end it."""
    me = stack.request("GET", f"{BASE}/users/me/", token=token).json()
    page = stack.request("GET", f"{BASE}/tokens/?page_size=1000", token=token).json()
    tokens = {str(row["id"]) for row in page["results"] if row["name"] == TOKEN}
    own = {"user": {str(me["id"])}, "token": tokens}

    def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
        kind = _SELF_DESTRUCTIVE.get(case.operation.label)
        if kind and str((case.path_parameters or {}).get("id")) in own[kind]:
            case.path_parameters["id"] = _MISSING

    GLOBAL_HOOK_DISPATCHER.hook(before_call)
    try:
        yield
    finally:
        GLOBAL_HOOK_DISPATCHER.unregister(before_call)


def _events(schema: OpenApiSchema, outcome: Outcome, cases: int) -> Iterator[Any]:
    """Yield what happens, until enough requests are sent or a phase has found something."""
    stream = from_schema(schema).execute()
    for event in stream:
        yield event
        if isinstance(event, events.ScenarioFinished):
            _count(event, outcome)
            # The first round tries every phase.
            if outcome.total >= cases and event.phase is PhaseName.STATEFUL_TESTING:
                stream.stop()
        elif isinstance(event, events.NonFatalError):
            outcome.failures.append(f"{event.label}: {event.info.title}\n{event.info.message}")
        elif isinstance(event, events.FatalError):
            raise event.exception
        elif isinstance(event, events.PhaseFinished) and outcome.failures:
            stream.stop()


def _count(event: events.ScenarioFinished, outcome: Outcome) -> None:
    recorder = event.recorder
    outcome.cases[event.phase.value] += len(recorder.interactions)
    for interaction in recorder.interactions.values():
        response = interaction.response
        outcome.statuses[0 if response is None else response.status_code] += 1
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                outcome.failures.append(_described(recorder, case_id, check, event.phase.value))


def _described(recorder: Any, case_id: str, check: Any, phase: str) -> str:
    failure = check.failure_info.failure
    interaction = recorder.interactions.get(case_id)
    response = None if interaction is None else interaction.response
    content = b"" if response is None else response.content or b""
    return "\n".join((
        f"{failure.operation} ({phase}): {check.name}: {failure.title}",
        failure.message,
        check.failure_info.code_sample,
        f"-> {0 if response is None else response.status_code} {content[:_LONGEST_EXCERPT]!r}",
    ))  # fmt: skip


def report(outcome: Outcome) -> None:
    """Print the counts of a run, and its failures."""
    phases = ", ".join(f"{count:,} {phase}" for phase, count in outcome.cases.items() if count)
    statuses = ", ".join(f"{count:,} x {each}" for each, count in sorted(outcome.statuses.items()))
    print(f"{outcome.role}: {outcome.total:,} cases in {outcome.seconds:.0f} s ({phases})")
    print(f"  responses: {statuses}")
    server_errors = sum(count for each, count in outcome.statuses.items() if each >= 500)
    print(f"  server errors: {server_errors}; violations: {len(outcome.failures)}")
    print(f"  rejected because of stored or related values: {outcome.rejections:,}", flush=True)
    for failure in outcome.failures:
        print(f"\n{failure}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the runs that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--cases", type=int, default=20_000, help="as each role")
    parser.add_argument("--role", action="append", choices=ROLES, help="all, unless given")
    given = parser.parse_args(arguments)
    # So that the servers are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"seed {given.seed}", flush=True)
    is_good = True
    with tempfile.TemporaryDirectory(prefix="pacta-fuzz-") as folder:
        os.environ["VAR_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
        django.setup()
        with stack_in(Path(folder), "", databases.copy_data_folder) as stack:
            stack.start("web")
            tokens = prepare(stack)
            schema = load(stack, stack.token, cases=given.cases)
            for role in given.role or ROLES:
                outcome = fuzz(
                    stack, schema, role, tokens[role], cases=given.cases, seed=given.seed
                )
                report(outcome)
                is_good = is_good and not outcome.failures
            if not is_good:
                print(stack.logs())
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
