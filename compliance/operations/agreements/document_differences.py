"""Compare an agreement document with the stored agreement, and merge the two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from compliance.domain.agreements.document_drafts import (
    AgreementDocument,
    DocumentObligation,
    ParticipantDraft,
)
from compliance.domain.agreements.drafts import (
    AgreementDraft,
    AgreementTerms,
    ObligationDraft,
    PartyDraft,
)
from compliance.domain.agreements.import_reports import Difference
from compliance.domain.agreements.milestone_drafts import MilestoneDraft
from compliance.domain.agreements.party_dates import dump_dates
from compliance.domain.civil_periods import period_text
from compliance.domain.drafts import Draft, read
from compliance.domain.due_dates.due_rules import dump_due_rule, load_due_rule
from compliance.domain.period_fields import precision_name
from compliance.domain.problems import placed_at
from compliance.domain.vocabulary import Capacity, Precision
from compliance.models import Agreement, Milestone, Obligation, ObligationParty, Party
from compliance.operations.agreements import responsibilities
from compliance.operations.agreements.agreement_rows import columns_of as agreement_columns
from compliance.operations.agreements.obligation_rows import columns_of

_GAPS = frozenset({"signed_on", "in_force_on", "ends_on"})
# A date is compared together with its precision.
_DATES = _GAPS | {"binds_on"}
_PRECISIONS = frozenset(map(precision_name, _DATES))
_RULES = frozenset({"due", "starts"})


def party_differences(
    participants: Iterable[ParticipantDraft], stored: Mapping[str, Party]
) -> Iterator[tuple[Difference, PartyDraft]]:
    """Yield the fields of stored parties that a document gives differently.

    Each with the party as the document would correct it.
    """
    for index, draft in enumerate(participants):
        party = stored.get(draft.code)
        if party is None:
            continue
        given = _given(draft, PartyDraft)
        if given.get("timezone", "") is None:
            del given["timezone"]
        merged = PartyDraft.model_construct(
            **{name: getattr(party, name) for name in PartyDraft.model_fields} | given
        )
        for name, sent in given.items():
            if getattr(party, name) != sent:
                path = f"parties/{index}/{name}"
                held = getattr(party, name)
                yield Difference(path=path, ref=draft.code, stored=held, sent=sent), merged


class StoredTerms:
    """The fields of a stored agreement, as its draft has them."""

    def __init__(self, agreement: Agreement) -> None:
        self._agreement = agreement
        members = agreement.memberships.select_related("party")
        self.roles = {each.party.code: each.role for each in members}
        self.milestones = {
            each.ref: _milestone(each, each.due) for each in agreement.milestones.all()
        }

    def fields(self) -> dict[str, Any]:
        """Return all fields by name."""
        names = AgreementTerms.model_fields
        return {
            **{name: getattr(self._agreement, name) for name in names},
            "milestones": [*self.milestones.values()],
            "parties": [{"code": code, "role": role} for code, role in self.roles.items()],
        }

    def draft(self) -> AgreementDraft:
        """Return the stored agreement as a draft."""
        return read(AgreementDraft, self.fields())

    def differences(self, document: AgreementDocument) -> list[Difference]:
        """Return the fields that a document gives differently. What it does not give is equal."""
        found = []
        columns = agreement_columns(document)
        for name in _given(document, AgreementTerms):
            held, sent = getattr(self._agreement, name), columns[name]
            if name in _DATES:
                held = _period(held, getattr(self._agreement, precision_name(name)))
                sent = _period(sent, columns[precision_name(name)])
            if held != sent:
                fills = held is None and name in _GAPS
                found.append(self._difference(name, held, sent, fills_gap=fills))
        found += self._membership_differences(document)
        if "milestones" in document.model_fields_set:
            found += self._milestone_differences(document)
        return found

    def _difference(
        self, path: str, held: Any, sent: Any, *, ref: str = "", fills_gap: bool = False
    ) -> Difference:
        ref = ref or self._agreement.ref
        return Difference(path=path, ref=ref, stored=held, sent=sent, fills_gap=fills_gap)

    def _membership_differences(self, document: AgreementDocument) -> Iterator[Difference]:
        left = dict(self.roles)
        for index, each in enumerate(document.parties):
            role = left.pop(each.code, None)
            if role is None:
                sent = {"code": each.code, "role": each.role}
                path = f"parties/{index}"
                yield self._difference(path, None, sent, ref=each.code, fills_gap=True)
            elif role != each.role:
                yield self._difference(f"parties/{index}/role", role, each.role, ref=each.code)
        for code, role in left.items():
            held = {"code": code, "role": role}
            yield self._difference("parties", held, None, ref=code)

    def _milestone_differences(self, document: AgreementDocument) -> Iterator[Difference]:
        left = dict(self.milestones)
        for index, each in enumerate(document.milestones):
            held = left.pop(each.ref, None)
            path = f"milestones/{index}"
            if held is None:
                sent = _milestone(each, dump_due_rule(each.due) if each.due else None)
                yield self._difference(path, None, sent, ref=each.ref, fills_gap=True)
                continue
            is_undated = held["on"] is None and held["at"] is None
            values = _milestone(each, dump_due_rule(each.due) if each.due else None)
            is_undated = is_undated and held["due"] is None and not held["dates"]
            for name in ("title", "on", "at", "due", "dates"):
                value = values[name]
                if held[name] != value:
                    fills = is_undated or (name == "title" and not held["title"])
                    if name == "dates" and held[name] is not None and value is not None:
                        # Other parties were dated.
                        fills = all(date in value for date in held[name])
                    yield self._difference(
                        f"{path}/{name}", held[name], value, ref=each.ref, fills_gap=fills
                    )
        for ref, held in left.items():
            yield self._difference("milestones", held, None, ref=ref)

    def merged(self, applied: Sequence[Difference]) -> AgreementDraft:
        """Return the stored agreement with these differences applied.

        Raises:
            Invalid: the result is not valid.
        """
        fields = self.fields()
        roles, milestones = dict(self.roles), {**self.milestones}
        for each in applied:
            kind, _, rest = each.path.partition("/")
            if kind not in {"parties", "milestones"}:
                fields[kind] = each.sent
            elif each.sent is None and not rest:
                (roles if kind == "parties" else milestones).pop(each.ref, None)
            elif kind == "parties":
                roles[each.ref] = each.sent["role"] if isinstance(each.sent, dict) else each.sent
            else:
                name = rest.partition("/")[2]
                held = milestones.get(each.ref, {})
                milestones[each.ref] = {**held, name: each.sent} if name else each.sent
        fields["parties"] = [{"code": code, "role": role} for code, role in roles.items()]
        fields["milestones"] = [*milestones.values()]
        return read(AgreementDraft, fields)


def _milestone(row: Milestone | MilestoneDraft, due: dict[str, object] | None) -> dict[str, Any]:
    """Return the fields of a milestone. With a rule, its date follows from that."""
    on, at = (row.on, row.at) if due is None else (None, None)
    day = _period(on, row.precision)
    dates = row.dates if isinstance(row, Milestone) else dump_dates(row.dates)
    return {"ref": row.ref, "title": row.title, "on": day, "at": at, "due": due, "dates": dates}


def _period(on: Any, precision: Any) -> str | None:
    return None if on is None else period_text(on, Precision(precision))


class StoredObligations:
    """The stored obligations of an agreement, by ref, as their drafts have them."""

    def __init__(
        self,
        rows: Iterable[Obligation],
        sides: Iterable[tuple[int, str, str]],
        responsible: Mapping[int, list[str]],
    ) -> None:
        self.rows = {each.ref: each for each in rows}
        self._responsible = responsible
        self._sides: dict[tuple[int, str], list[str]] = defaultdict(list)
        for pk, capacity, code in sides:
            self._sides[pk, capacity].append(code)

    @classmethod
    def load(cls, agreement: Agreement, *, is_empty: bool = False) -> StoredObligations:
        """Load the obligations of an agreement. If there are known to be none, none are read."""
        if is_empty:
            return cls((), (), {})
        sides = ObligationParty.objects.filter(agreement=agreement).order_by("id")
        return cls(
            agreement.obligations.select_related("parent"),
            sides.values_list("obligation_id", "capacity", "party__code"),
            responsibilities.names_of(agreement.obligations.values_list("id", flat=True)),
        )

    def differences(self, draft: DocumentObligation, path: str) -> list[Difference]:
        """Return the fields that a document gives differently. What it does not give is equal."""
        row = self.rows[draft.ref]
        columns = columns_of(draft)
        found = []
        for name, value in _given(draft, ObligationDraft).items():
            held, sent = self._held(row, name), columns.get(name, value)
            if name in _DATES:
                sent = _period(value, columns[precision_name(name)])
            if not _is_same(name, held, sent, value):
                found.append(
                    Difference(
                        path=f"{path}/{name}",
                        ref=draft.ref,
                        stored=held,
                        sent=sent,
                        fills_gap=name == "due" and held is None,
                    )
                )
        return found

    def merged(
        self, draft: DocumentObligation, path: str, applied: Sequence[Difference]
    ) -> ObligationDraft:
        """Return a stored obligation with these differences applied.

        Raises:
            Invalid: the result is not valid.
        """
        row = self.rows[draft.ref]
        names = {each.path.rpartition("/")[2] for each in applied}
        fields = {
            name: getattr(draft, name) if name in names else self._held(row, name)
            for name in ObligationDraft.model_fields
            if name not in _PRECISIONS
        }
        if "binds_on" in names:
            fields["binds_on"] = _period(draft.binds_on, draft.binds_on_precision)
        with placed_at(path):
            return read(ObligationDraft, fields)

    def draft(self, ref: str) -> ObligationDraft:
        """Return a stored obligation as a draft."""
        row = self.rows[ref]
        names = ObligationDraft.model_fields
        return read(ObligationDraft, {name: self._held(row, name) for name in names})

    def _held(self, row: Obligation, name: str) -> Any:
        if name == "obligors":
            return self._sides[row.pk, Capacity.OBLIGOR]
        if name == "obligees":
            return self._sides[row.pk, Capacity.OBLIGEE]
        if name == "responsible":
            return self._responsible.get(row.pk, [])
        if name == "parent":
            return row.parent.ref if row.parent else None
        if name in _DATES:
            return _period(getattr(row, name), getattr(row, precision_name(name)))
        return getattr(row, name)


def _is_same(name: str, held: Any, sent: Any, value: Any) -> bool:
    if held == sent:
        return True
    if name in {"obligors", "obligees"}:
        return set(held) == set(value)
    if name == "responsible":
        return {each.lower() for each in held} == {each.lower() for each in value}
    if name in _RULES and held is not None and value is not None:
        # A rule may have been stored before its type got some of its fields.
        try:
            return bool(load_due_rule(held) == value)
        except ValueError:
            return False
    return False


def _given(draft: Draft, kind: type[Draft]) -> dict[str, Any]:
    """Return the fields of `kind` that a document gives, by name."""
    names = [
        name
        for name in kind.model_fields
        if name in draft.model_fields_set and name not in _PRECISIONS
    ]
    return {name: getattr(draft, name) for name in names}
