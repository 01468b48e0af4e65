"""Importing a document with `mode=update` does what PATCHing the same fields does.

A random document is stored twice. Then a second one is imported over the first copy, and its fields
are PATCHed into the other.
"""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as DatabaseTestCase

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.agreements.import_reports import ImportMode
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.models import User
from compliance.operations.agreements import documents
from tests.api.answers import get, patch, rows
from tests.operations.test_known_histories import differences
from tests.profiles import scaled
from tests.samples import BUYER, SUPPLIER, load

TEN_DAYS = {"type": "offset", "count": 10, "unit": "days"}
DAYS = ["2026-03-15", "2026-05-02", "2026-09-01"]
DUES: list[dict[str, Any]] = [
    *({"type": "date", "on": day} for day in DAYS),
    {**TEN_DAYS, "from": {"milestone": "M"}},
    {"type": "trigger", "on": {"milestone": "M"}, "then": TEN_DAYS},
    {"type": "recurrence", "start": "2026-01-31", "rrule": "FREQ=MONTHLY;COUNT=3"},
]


def given_or_not(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw a value that a document gives, or `...` if it does not give it."""
    return st.one_of(st.just(...), value)


def fields(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw those fields that a document gives."""
    return st.fixed_dictionaries(values).map(
        lambda drawn: {name: value for name, value in drawn.items() if value is not ...}
    )


obligation_fields = fields(
    title=st.sampled_from(["Deliver", "Deliver more"]),
    due=given_or_not(st.sampled_from(DUES)),
    tags=given_or_not(st.lists(st.sampled_from(["steel", "rare"]), unique=True)),
    severity=given_or_not(st.sampled_from(["normal", "high"])),
    grace=given_or_not(st.one_of(st.none(), st.just({"count": 3, "unit": "days"}))),
    target_quantity=given_or_not(st.sampled_from([5, "7.5"])),
    survives_termination=given_or_not(st.booleans()),
    text=given_or_not(st.sampled_from(["", "Article 1"])),
    binds_on=given_or_not(st.sampled_from([None, "2026-02-02"])),
)
agreement_fields = fields(
    title=st.sampled_from(["Supply", "Supply of steel"]),
    signed_on=given_or_not(st.sampled_from([None, "2026-01-10", "2026-01-20"])),
    ends_on=given_or_not(st.sampled_from([None, "2026-04-01", "2027-01-01"])),
    timezone=given_or_not(st.sampled_from([None, "Asia/Tokyo"])),
    calendars=given_or_not(st.sampled_from([[], ["weekend"]])),
    milestones=given_or_not(
        st.sampled_from([[{"ref": "M"}], [{"ref": "M", "on": "2026-02-20"}],
                         [{"ref": "M", "on": "2026-04-20"}, {"ref": "N"}]])
    ),
)  # fmt: skip


@st.composite
def documents_about(draw: st.DrawFn, refs: tuple[str, ...]) -> dict[str, Any]:
    """Draw the fields of an agreement and of its obligations, by ref."""
    found = {ref: draw(obligation_fields) for ref in refs}
    return {"agreement": draw(agreement_fields), "obligations": found}


def whole(ref: str, drawn: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the drawn fields; what they do not give, it does not give."""
    agreement = {"format": "pacta.agreement/v1", "ref": ref, "kind": "contract"}
    sides = {"obligors": ["CHN"], "obligees": ["ACME"]}
    return {
        **agreement,
        **drawn["agreement"],
        "parties": [BUYER, SUPPLIER],
        "obligations": [{"ref": each, **sides, **more} for each, more in
                        drawn["obligations"].items()],
    }  # fmt: skip


def patched(api: Client, ref: str, drawn: dict[str, Any]) -> None:
    """PATCH the drawn fields into an agreement."""
    patch(api, f"agreements/{ref}/", {**drawn["agreement"], "confirm": True})
    for each in rows(api, "obligations/", agreement=ref):
        changed = {**drawn["obligations"][each["ref"]], "confirm": True}
        patch(api, f"obligations/{each['id']}/", changed)


def answers(api: Client, ref: str) -> list[Any]:
    """Return everything about an agreement but what identifies its rows."""
    unique = {"id", "ref", "agreement", "obligation", "next_check_at"}
    found = [get(api, f"agreements/{ref}/")]
    found += rows(api, "obligations/", agreement=ref)
    found += rows(api, "deadlines/", agreement=ref, ordering="id")
    return [{name: each[name] for name in each if name not in unique} for each in found]


class EveryUpdate(DatabaseTestCase):
    """Random pairs of documents."""

    @given(documents_about(("O-1", "O-2")), documents_about(("O-1", "O-2")))
    @settings(
        max_examples=scaled(0.1), phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    def test_updating_by_import_equals_patching(
        self, first: dict[str, Any], second: dict[str, Any]
    ) -> None:
        api = Client()
        api.force_login(User.objects.create_superuser("ana@example.org", "x"))
        base = {"due": DUES[0]}
        first["obligations"] = {ref: base | each for ref, each in first["obligations"].items()}
        first["agreement"] = {"milestones": [{"ref": "M"}], **first["agreement"]}
        now = timezone.now()
        load(whole("imported", first), as_of=now)
        load(whole("patched", first), as_of=now)
        try:
            value = read(AgreementDocument, whole("imported", second))
            documents.load(document=value, by=None, as_of=now, mode=ImportMode.UPDATE)
        except Invalid:
            reject()
        patched(api, "patched", second)
        imported, updated = answers(api, "imported"), answers(api, "patched")
        assert list(differences(imported, updated)) == []
