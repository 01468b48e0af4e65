"""Undo what an import corrected, when the import is purged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Model, Q

from compliance.domain.agreements.drafts import AgreementDraft, ObligationDraft
from compliance.domain.civil_periods import period_text
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid, refusal
from compliance.domain.vocabulary import Precision
from compliance.models import Agreement, Correction, Obligation, User
from compliance.operations.agreements import agreements, corrections, obligation_corrections
from compliance.operations.agreements.document_differences import StoredObligations, StoredTerms
from compliance.operations.deadlines import projection

Terms = Mapping[str, Any]


def undo(*, agreement: Agreement, imported_at: datetime, by: User | None, as_of: datetime) -> None:
    """Give an agreement and its obligations the terms that they had before an import.

    This is a correction like any other: what was known in between stays known. A term that was
    corrected again since stays as it is, and so do who sees the agreement and who is responsible.

    Args:
        imported_at: the time of the import, at which it kept the former terms.

    Raises:
        Invalid: a former term is no longer valid.
    """
    of_agreement, of_obligations = _kept(agreement, imported_at)
    touched: set[int] = set()
    try:
        if of_agreement:
            now = corrections.terms_of_agreement(agreement)
            if former := _former(of_agreement, now, imported_at):
                draft = _restored_agreement(agreement, former)
                touched |= agreements.correct(agreement, draft, by=by, as_of=as_of)
        stored = StoredObligations.load(agreement, is_empty=not of_obligations)
        drafts = {}
        for obligation, now in corrections.terms_of_obligations(of_obligations):
            if former := _former(of_obligations[obligation.pk], now, imported_at):
                drafts[obligation.ref] = _restored_obligation(stored, obligation, former)
        touched |= obligation_corrections.correct(agreement=agreement, drafts=drafts, as_of=as_of)
    except Invalid as error:
        problem = error.problems[0]
        sentence = (
            f"A correction by this import cannot be undone ({problem.path}: {problem.detail}) "
            "Correct the value yourself first: the purge then leaves it as it is."
        )
        raise refusal("", sentence) from None
    projection.refresh(touched, as_of=as_of)


def _kept(
    agreement: Agreement, imported_at: datetime
) -> tuple[list[Correction], dict[int, list[Correction]]]:
    """Return the corrections since an import, of the agreement and by obligation, in order."""
    own: list[Correction] = []
    of_obligations: dict[int, list[Correction]] = defaultdict(list)
    found = Correction.objects.filter(Q(agreement=agreement) | Q(obligation__agreement=agreement))
    for each in found.filter(recorded_at__gte=imported_at).order_by("recorded_at", "id"):
        if each.obligation_id is None:
            own.append(each)
        else:
            of_obligations[each.obligation_id].append(each)
    return own, dict(of_obligations)


def _former(kept: Sequence[Correction], now: Terms, imported_at: datetime) -> dict[str, Any]:
    """Return the terms from before an import that it corrected, and that nobody corrected since."""
    mine = [each.before for each in kept if each.recorded_at == imported_at]
    if not mine:
        return {}
    before: Terms = mine[0]
    after: Terms = kept[len(mine)].before if len(kept) > len(mine) else now
    return {
        name: value
        for name, value in before.items()
        if name in now
        and not _is_same(value, after.get(name))
        and _is_same(after.get(name), now[name])
    }


def _restored_agreement(agreement: Agreement, former: Terms) -> AgreementDraft:
    fields = StoredTerms(agreement).fields()
    return read(AgreementDraft, fields | _values_of(Agreement, former, fields))


def _restored_obligation(
    stored: StoredObligations, obligation: Obligation, former: Terms
) -> ObligationDraft:
    draft = stored.draft(obligation.ref)
    fields = {name: getattr(draft, name) for name in ObligationDraft.model_fields}
    fields |= _values_of(Obligation, former, fields)
    on, precision = fields["binds_on"], fields.pop("binds_on_precision")
    fields["binds_on"] = None if on is None else period_text(on, Precision(precision))
    return read(ObligationDraft, fields)


def _values_of(model: type[Model], terms: Terms, names: Collection[str]) -> dict[str, Any]:
    return {name: _value_of(model, name, terms[name]) for name in terms.keys() & names}


def _value_of(model: type[Model], name: str, value: Any) -> Any:
    """Return a value of a column from JSON; parties and parents are no columns."""
    if name in {"parent", "parties", "obligors", "obligees"}:
        return value
    column: Any = model._meta.get_field(name)
    return column.to_python(value)


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        # The order of parties and tags means nothing.
        return sorted(map(str, one)) == sorted(map(str, other))
    return bool(one == other)
