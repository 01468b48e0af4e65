"""Rewrite the ledgers of deadlines, as if purged records had never been known.

`prepare` is called before the records are removed, and `run` afterwards, in one transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from compliance.domain.deadlines.breaches import breaches_ever_recorded
from compliance.domain.deadlines.ledger import Entry
from compliance.domain.deadlines.terms import KnownHistory
from compliance.domain.integrity.chains import link
from compliance.domain.vocabulary import BreachEnd
from compliance.models import Alert, Breach, Correction, Deadline, LedgerEntry, Obligation
from compliance.models.bulk import write
from compliance.models.deadlines.ledger import chained_entry, ledger_of
from compliance.operations.deadlines import (
    known_terms,
    ledger_rows,
    projection,
    schedule,
    separate_refresh,
)
from compliance.operations.deadlines.batches import Manner
from compliance.operations.deadlines.ledger_rows import LedgerRow
from compliance.operations.deadlines.projection_inputs import with_duties


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """The deadlines whose ledgers are rewritten, and what a purge must remove for that.

    Attributes:
        touched: all deadlines to refresh.
        since: the time from which their ledgers may be wrong, by deadline. Earlier entries stay as
            they are, with new ids.
        began: when each of these deadlines became known.
        kept: the earlier entries of each, as columns.
        redated: the obligations whose own records changed the terms of their deadlines.
        unproven: the obligations that may have deadlines which only the removed facts proved.
        dependent: the obligations that depend on others of these.
        has_one_rule: whether the current rules of the obligations have always applied.
        entries: the ids of all ledger entries of the deadlines.
        corrections: the ids of the former terms that may have been other ones.
    """

    touched: frozenset[int]
    since: Mapping[int, datetime]
    began: Mapping[int, datetime]
    kept: Mapping[int, Sequence[Mapping[str, Any]]]
    redated: frozenset[int]
    unproven: frozenset[int]
    dependent: frozenset[int]
    has_one_rule: bool
    entries: frozenset[int]
    corrections: frozenset[int]


def prepare(
    since: Mapping[int, datetime],
    *,
    redated: Iterable[int],
    unproven: Iterable[int],
    removed: Collection[int],
) -> Replay:
    """Return what must be removed and rewritten.

    The caller holds the locks of the agreement and of its deadlines.

    Args:
        since: the time from which ledgers of deadlines may be wrong, by obligation. Those that
            depend on these are included.
        redated: the obligations whose own records may have changed the terms of their deadlines.
        unproven: the obligations about whose deadlines facts are removed.
        removed: obligations that the purge removes.
    """
    of_obligation = dict(since)
    dependent = {pk for level in schedule.levels(since)[1:] for pk in level}
    if dependent:
        of_obligation |= dict.fromkeys(dependent, min(since.values()))
    given = dependent | set(redated)
    rows = dict(
        Deadline.objects.filter(obligation__in=of_obligation.keys() - set(removed)).values_list(
            "id", "obligation_id"
        )
    )
    stored: dict[int, list[dict[str, Any]]] = defaultdict(list)
    entries = LedgerEntry.objects.filter(deadline__in=rows)
    for row in entries.order_by("recorded_at", "effective_at").values("id", *_COLUMNS):
        stored[row["deadline_id"]].append(row)
    start = {
        pk: of_obligation[rows[pk]]
        for pk, several in stored.items()
        if several[-1]["recorded_at"] >= of_obligation[rows[pk]]
    }
    corrections = Correction.objects.filter(deadline__in=start, deadline__obligation__in=given)
    has_one_rule = _have_one_rule(given)
    if not has_one_rule:
        corrections = corrections.filter(recorded_at__gte=min(start.values(), default=None))
    return Replay(
        touched=frozenset(rows),
        since=start,
        began={pk: stored[pk][0]["recorded_at"] for pk in start},
        kept={
            pk: [row for row in stored[pk] if row["recorded_at"] < at] for pk, at in start.items()
        },
        redated=frozenset(redated),
        unproven=_recurring(unproven),
        dependent=frozenset(dependent),
        has_one_rule=has_one_rule,
        entries=frozenset(row["id"] for pk in start for row in stored[pk]),
        corrections=frozenset(corrections.values_list("id", flat=True)) if start else frozenset(),
    )


def run(replay: Replay, *, as_of: datetime) -> None:
    """Rewrite the ledgers, and refresh the deadlines. The purged rows are gone.

    The notification of what changed is left to the refresh, as for any correction.
    """
    Deadline.objects.filter(pk__in=replay.since).update(recorded_at=None, ledger_head=None)
    # Those that depend on these are rescheduled by the refresh.
    rescheduled = schedule.reschedule(replay.redated, as_of=as_of, keeps_former=False)
    touched = rescheduled.touched | replay.touched | _withdraw_unproven(replay, as_of=as_of)
    _restore(replay.kept)
    versions: known_terms.Versions = {}
    if replay.has_one_rule:
        redated = Deadline.objects.filter(
            pk__in=replay.since, obligation__in=replay.redated | replay.dependent
        ).values_list("id", flat=True)
        versions = known_terms.versions_of({pk: replay.began[pk] for pk in redated}, as_of=as_of)
    known = _known_histories(replay, versions)
    projection.refresh(touched, as_of=as_of, known=known, keeps_former=False)
    known_terms.keep_former(versions, as_of=as_of)
    _remove_unknown_breaches(replay.since)


def _withdraw_unproven(replay: Replay, *, as_of: datetime) -> set[int]:
    """Withdraw deadlines that only the removed facts proved, and those that depend on them.

    Before the ledgers are rewritten, so that these deadlines were never due.
    """
    touched: set[int] = set()
    for number, level in enumerate(schedule.levels(replay.unproven)):
        if number:
            # The refresh quarantines those that fail.
            manner = Manner(keeps_former=False)
            touched |= separate_refresh.reschedule(level, as_of=as_of, manner=manner)[0]
        else:
            touched |= schedule.reschedule(level, as_of=as_of).touched
    return touched


def _recurring(obligation_ids: Iterable[int]) -> frozenset[int]:
    """Return the obligations of which facts prove dates that precede them."""
    found = Obligation.objects.filter(pk__in=list(obligation_ids), due__type="recurrence")
    return frozenset(found.values_list("pk", flat=True))


def _have_one_rule(obligation_ids: Iterable[int]) -> bool:
    """Return whether no obligation of the same agreement was ever corrected."""
    agreements = Obligation.objects.filter(pk__in=obligation_ids).values("agreement")
    return not Correction.objects.filter(obligation__agreement__in=agreements).exists()


def _restore(kept: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
    """Store the entries that stay as new rows, in new chains."""
    rows = []
    heads = []
    for pk, entries in kept.items():
        head: bytes | None = None
        for each in entries:
            head = link(head, chained_entry(each))
            values = [each[name] for name in _COLUMNS[:-1]]
            rows.append(LedgerRow._make([*values, head.hex()]))
        if head is not None:
            recorded_at = entries[-1]["recorded_at"].isoformat()
            heads.append({"id": pk, "hash": head.hex(), "recorded_at": recorded_at})
    ledger_rows.append(rows)
    write(_SET_HEADS, heads)


def _known_histories(replay: Replay, versions: known_terms.Versions) -> dict[int, KnownHistory]:
    """Return the terms that were known of deadlines at every time."""
    former: dict[int, list[Correction]] = defaultdict(list)
    corrections = Correction.objects.filter(deadline__in=replay.since)
    for each in corrections.order_by("recorded_at", "id"):
        former[each.deadline_id or 0].append(each)
    found: dict[int, KnownHistory] = {}
    for row, duty in with_duties(replay.since):
        known = [each.known for each in versions.get(row.id, ())] or known_terms.terms_from(
            row, duty, former[row.id], replay.began[row.id]
        )
        found[row.id] = KnownHistory(known, replay.since[row.id])
    return found


def _remove_unknown_breaches(deadline_ids: Iterable[int]) -> None:
    """Remove breaches that the ledger no longer states, unless somebody was notified."""
    breaches = list(
        Breach.objects.filter(deadline__in=deadline_ids, end_reason=BreachEnd.VOIDED.value)
    )
    if not breaches:
        return
    entries: dict[int, list[Entry]] = defaultdict(list)
    for pk, _, entry in ledger_of({each.deadline_id for each in breaches}):
        entries[pk].append(entry)
    notified = set(
        Alert.objects.filter(
            deadline__in=entries, message__attempt_count__gt=0, withdrawn_at=None
        ).values_list("deadline_id", flat=True)
    )
    unknown = [
        each.pk
        for each in breaches
        if each.deadline_id not in notified
        and each.occurred_at not in breaches_ever_recorded(entries[each.deadline_id])
    ]
    Breach.objects.filter(pk__in=unknown).delete()


_COLUMNS = LedgerRow._fields

_SET_HEADS = """
    UPDATE compliance_deadline AS d
    SET ledger_head = decode(v.hash, 'hex'), recorded_at = v.recorded_at
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(id bigint, hash text, recorded_at timestamptz)
    WHERE d.id = v.id
"""
