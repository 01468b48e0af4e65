"""Remove what an import created, permanently, as if it had never been imported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime

import structlog
from django.apps import apps
from django.db import transaction
from django.db.models import Min, Model, Q

from compliance.domain.integrity.purges import PurgeSubject
from compliance.domain.vocabulary import ProposedChange
from compliance.models import (
    Agreement,
    Correction,
    Deadline,
    Evidence,
    Fact,
    ImportBatch,
    ImportedRows,
    LedgerEntry,
    Milestone,
    MilestoneDating,
    Obligation,
    Tombstone,
    User,
)
from compliance.models.people.readers import SYSTEM, reading_as
from compliance.operations.agreements import import_corrections, milestones
from compliance.operations.deadlines import facts, ledger_replays
from compliance.operations.deadlines.approvals import Approval, require_for_agreement
from compliance.operations.deadlines.fact_dues import SETTING_DATES
from compliance.operations.deadlines.ledger_replays import Replay
from compliance.operations.evidence import evidence, verification
from compliance.operations.integrity import foreign_replacements, later_work, purges, seals
from compliance.operations.integrity.purges import Rows

log = structlog.get_logger(__name__)


@transaction.atomic
@reading_as(SYSTEM)
def purge_import(
    *,
    batch: ImportBatch,
    reason: str,
    by: User | None,
    as_of: datetime,
    approval: Approval | None = None,
) -> Tombstone:
    """Remove what an import created, permanently.

    Removed are its agreement if it created it, obligations with their deadlines, milestones and
    their dates, facts, positions and evidence. What it corrected or filled in elsewhere is
    undone, as of now, unless it was corrected again since. Parties, visibility and responsibilities
    stay. The ledgers of other deadlines that the removed rows concerned are rewritten as they would
    be without them. The tombstone keeps the hashes of all removed rows that were append-only.

    Raises:
        Invalid: later records depend on what the import created, or an effective replacement in
            another agreement names one of its obligations.
        ApprovalNeeded: its agreement requires approval, and the purge has none.
    """
    # Before any row is locked, as when a seal is created.
    seals.lock_seals()
    agreement = foreign_replacements.lock_with_others(batch.agreement_id)
    require_for_agreement(ProposedChange.IMPORT_PURGE, agreement, reason, approval, batch=batch.pk)
    created = created_rows(batch)
    rows = removed_rows(batch, created)
    foreign = foreign_replacements.among(rows.get(Fact, ()), agreement, by=by)
    created[Fact] = created.get(Fact, set()) | foreign.ids
    later_work.refuse(rows, created, agreement=agreement)
    searched = evidence.deadline_ids_of(
        list(Evidence.objects.filter(pk__in=created.get(Evidence, ())))
    )
    replay = None
    if foreign.ids or not batch.is_new_agreement:
        replay = _replay(agreement, created, rows)
        rows[LedgerEntry] = rows.get(LedgerEntry, set()) | replay.entries
        rows[Correction] = rows.get(Correction, set()) | replay.corrections
    redated, is_new = _redated_milestones(created), batch.is_new_agreement
    former_recorded_at, imported_at = batch.former_recorded_at, batch.imported_at
    tombstone = purges.bury(
        rows,
        subject=PurgeSubject.IMPORT,
        subject_id=batch.pk,
        ref=agreement.ref,
        reason=reason,
        by=by,
        as_of=as_of,
    )
    purges.remove(rows)
    if replay is not None:
        _restore_recorded_at(agreement, former_recorded_at)
        milestones.restore(agreement=agreement, refs=redated.keys(), as_of=as_of)
        ledger_replays.run(replay, as_of=as_of)
        verification.refresh(searched - rows.get(Deadline, set()))
    if not is_new:
        import_corrections.undo(agreement=agreement, imported_at=imported_at, by=by, as_of=as_of)
    log.info("purged", import_batch=tombstone.subject_id, tombstone=tombstone.pk)
    return tombstone


def created_rows(batch: ImportBatch) -> dict[type[Model], set[int]]:
    """Return the ids of the rows that an import created, by model."""
    models = {each._meta.db_table: each for each in apps.get_app_config("compliance").get_models()}
    return {
        models[each.table_name]: set(each.ids) for each in ImportedRows.objects.filter(batch=batch)
    }


def removed_rows(batch: ImportBatch, created: Rows) -> dict[type[Model], set[int]]:
    """Return the ids of all rows that a purge of an import removes, by model, without ledgers."""
    start = {model: set(ids) for model, ids in created.items()}
    return purges.owned_rows({**start, ImportBatch: {batch.pk}})


def counts_of(batch: ImportBatch) -> dict[str, int]:
    """Return how many rows a purge of an import would remove, by the name of their kind."""
    kept = {ImportBatch, ImportedRows}
    return {
        str(model._meta.verbose_name_plural): len(ids)
        for model, ids in removed_rows(batch, created_rows(batch)).items()
        if ids and not model._meta.auto_created and model not in kept
    }


def _replay(agreement: Agreement, created: Rows, rows: Rows) -> Replay:
    """Prepare the ledgers of the remaining deadlines that the removed rows concerned."""
    removed = rows.get(Obligation, ())
    since: dict[int, list[datetime]] = defaultdict(list)
    redated = set()
    of_agreement: list[datetime] = []
    found = Fact.objects.filter(pk__in=created.get(Fact, ()))
    for obligation_id, kind, superseded, recorded_at in found.values_list(
        "deadline__obligation_id", "kind", "supersedes__kind", "recorded_at"
    ):
        if obligation_id is None:
            of_agreement.append(recorded_at)
        elif obligation_id not in removed:
            since[obligation_id].append(recorded_at)
            if {kind, superseded} & SETTING_DATES:
                redated.add(obligation_id)
    unproven = list(since)
    if of_agreement:
        affected = Deadline.objects.filter(pk__in=facts.affected_deadlines(agreement))
        for pk in affected.exclude(obligation__in=removed).values_list("obligation", flat=True):
            since[pk].append(min(of_agreement))
    for pk, recorded_at in _with_other_terms(agreement, created, removed):
        since[pk].append(recorded_at)
        redated.add(pk)
    return ledger_replays.prepare(
        {pk: min(several) for pk, several in since.items()},
        redated=redated,
        unproven=unproven,
        removed=removed,
    )


def _with_other_terms(
    agreement: Agreement, created: Rows, removed: Collection[int]
) -> Iterator[tuple[int, datetime]]:
    """Yield the remaining obligations whose terms an import changed, and since when.

    They count from a milestone that it dated, or have a component that it created.
    """
    for ref, recorded_at in _redated_milestones(created).items():
        counting = Q(dependencies__milestone__ref=ref)
        counting |= Q(deadlines__facts__due__from__milestone=ref)
        found = agreement.obligations.filter(counting).exclude(pk__in=removed)
        for pk in found.values_list("pk", flat=True).distinct():
            yield pk, recorded_at
    components = Obligation.objects.filter(pk__in=removed, parent__isnull=False)
    for parent, recorded_at in components.values_list("parent", "recorded_at"):
        if parent is not None and parent not in removed:
            yield parent, recorded_at


def _redated_milestones(created: Rows) -> dict[str, datetime]:
    """Return since when an import dated milestones that it did not create, by ref."""
    datings = MilestoneDating.objects.filter(pk__in=created.get(MilestoneDating, ()))
    new = Milestone.objects.filter(pk__in=created.get(Milestone, ())).values_list("ref", flat=True)
    first = datings.exclude(ref__in=list(new)).order_by().values_list("ref")
    return dict(first.annotate(at=Min("recorded_at")))


def _restore_recorded_at(agreement: Agreement, former: datetime | None) -> None:
    """Let the agreement become known when it did before the import said that this was earlier."""
    if former is None:
        return
    first = Obligation.objects.filter(agreement=agreement).aggregate(at=Min("recorded_at"))["at"]
    at = min(filter(None, (former, first)))
    Agreement.objects.filter(pk=agreement.pk, recorded_at__lt=at).update(recorded_at=at)
