"""The drafts of the obligations that are posted with the page of an agreement."""

from __future__ import annotations

from typing import Any

from compliance.admin.agreements.obligation_forms import ObligationFormSet
from compliance.domain.agreements.drafts import ObligationDraft
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid, Problem
from compliance.models import Agreement, Obligation


def obligation_drafts_of(
    formset: ObligationFormSet, agreement: Agreement | None, problems: list[Problem]
) -> dict[str, ObligationDraft]:
    """Return the drafts of new and changed rows by path, and append their problems."""
    drafts: dict[str, ObligationDraft] = {}
    for index, row in enumerate(formset.rows()):
        if not row.has_changed():
            continue
        path = f"obligations/{index}"
        draft = read_draft(ObligationDraft, row.draft_values(), path, problems)
        if draft is None:
            continue
        # The operation would change the obligation with this ref, but the row means a new one.
        if not row.instance.pk and agreement is not None and _has_obligation(agreement, draft.ref):
            detail = f"Obligation {draft.ref} already exists. Choose another ref."
            problems.append(Problem(path=f"{path}/ref", detail=detail))
        drafts[path] = draft
    return drafts


def read_draft(shape: Any, values: Any, path: str, problems: list[Problem]) -> Any:
    """Return the draft of some values, or None after appending its problems below `path`."""
    try:
        return read(shape, values)
    except Invalid as error:
        problems += [problem.below(path) for problem in error.problems]
        return None


def _has_obligation(agreement: Agreement, ref: str) -> bool:
    return Obligation.objects.filter(agreement=agreement, ref=ref).exists()
