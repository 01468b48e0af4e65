"""Date the milestones of an agreement. Each dating is kept, with its recorded time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from compliance.domain.agreements.milestone_dates import dated_by_rules, known_with_anchors
from compliance.domain.agreements.milestone_drafts import MilestoneDraft, PartyDateDraft
from compliance.domain.agreements.party_dates import dump_dates
from compliance.domain.due_dates.contexts import ResolutionContext
from compliance.domain.due_dates.due_rules import dump_due_rule, load_due_rule
from compliance.domain.due_dates.periods import Event
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import Precision
from compliance.models import Agreement, Milestone, MilestoneDating, User
from compliance.models.agreements.milestones import milestone_event
from compliance.models.bulk import insert
from compliance.models.due_dates.calendars import custom_calendars


@dataclass(frozen=True, kw_only=True, slots=True)
class DatingTimes:
    """When the dates of milestones became known, if not now, by ref.

    Attributes:
        last: the current dates.
        earlier: former states of milestones, each with the time at which it became known, in order.
    """

    last: Mapping[str, datetime] = field(default_factory=dict)
    earlier: Mapping[str, Sequence[tuple[datetime, MilestoneDraft]]] = field(default_factory=dict)


NOW = DatingTimes()


def replace(
    *,
    agreement: Agreement,
    drafts: Sequence[MilestoneDraft],
    by: User | None,
    as_of: datetime,
    times: DatingTimes = NOW,
) -> set[str]:
    """Make these the milestones of an agreement, and return the refs of those with a new date.

    The caller holds the lock of the agreement, and reschedules what counts from these.

    Raises:
        Invalid: this would remove a milestone that a rule counts from.
    """
    _check_parties(agreement, drafts)
    drafts = dated_by_rules(drafts, _context(agreement, {}))
    stored = {each.ref: each for each in agreement.milestones.all()}
    changed = []
    moved = set()
    for draft in drafts:
        milestone = stored.pop(draft.ref, None)
        was = None if milestone is None else _stored_date(milestone)
        if (
            milestone is None
            or was != _date_of(draft)
            or milestone.title != draft.title
            or milestone.due != _dumped(draft)
        ):
            changed.append(draft)
        if was != _date_of(draft) and (
            milestone is not None or draft.on or draft.at or draft.dates
        ):
            moved.add(draft.ref)
    for ref, milestone in stored.items():
        dependent = milestone.dependents.select_related("obligation").first()
        if dependent is not None:
            sentence = f"{dependent.obligation.ref} counts from milestone {ref}, which must stay."
            raise refusal("milestones", sentence)
    _store(agreement, changed, times, by=by, as_of=as_of)
    _remove(agreement, stored.values(), by=by, as_of=as_of)
    return moved


def date_milestones(
    *,
    agreement: Agreement,
    drafts: Iterable[MilestoneDraft],
    by: User | None,
    as_of: datetime,
    times: DatingTimes = NOW,
) -> None:
    """Add or correct milestones, and keep their former dates.

    The caller holds the lock of the agreement, and reschedules what counts from these.

    Args:
        as_of: when the milestones became known; their dates too, unless `times` says when. If that
            is after `as_of`, the milestone had no date until then.
    """
    given = list(drafts)
    if not given:
        return
    stored = {each.ref: milestone_event(each) for each in agreement.milestones.all()}
    _check_parties(agreement, given)
    given = dated_by_rules(given, _context(agreement, stored))
    last = dict(times.last)
    last |= {ref: last[first] for ref, first in known_with_anchors(given, last).items()}
    times = DatingTimes(last=last, earlier=times.earlier)
    _store(agreement, given, times, by=by, as_of=as_of)


def date_again(*, agreement: Agreement, as_of: datetime) -> set[str]:
    """Date those milestones again that follow from others, and return the refs of those that move.

    Calendars may have changed. The caller holds the lock of the agreement, and reschedules what
    counts from these.

    Raises:
        Invalid: a rule can no longer be resolved.
    """
    stored = list(agreement.milestones.all())
    drafts = [
        MilestoneDraft.model_construct(
            ref=each.ref,
            title=each.title,
            on=each.on,
            precision=Precision(each.precision),
            at=each.at,
            due=load_due_rule(each.due),
            dates=None
            if each.dates is None
            else tuple(PartyDateDraft.model_validate(date) for date in each.dates),
        )
        for each in stored
    ]
    dated = dated_by_rules(drafts, _context(agreement, {}))
    moved = [new for new, old in zip(dated, stored, strict=True) if new.on != old.on]
    _store(agreement, moved, NOW, by=None, as_of=as_of)
    return {each.ref for each in moved}


def restore(*, agreement: Agreement, refs: Collection[str], as_of: datetime) -> None:
    """Give milestones the values of the last datings that are left: later ones were purged.

    The caller holds the lock of the agreement, and reschedules what counts from these.
    """
    if not refs:
        return
    datings = MilestoneDating.objects.filter(agreement=agreement, ref__in=refs)
    last = {each.ref: each for each in datings.order_by("recorded_at", "id")}
    kept = [each for each in last.values() if not each.is_removed]
    Milestone.objects.bulk_create(
        [
            Milestone(agreement=agreement, **{name: getattr(each, name) for name in _VALUES})
            for each in kept
        ],
        update_conflicts=True,
        unique_fields=["agreement", "ref"],
        update_fields=[name for name in _VALUES if name != "ref"],
    )
    # Those that follow from a milestone which was corrected since.
    date_again(agreement=agreement, as_of=as_of)


_VALUES = ("ref", "title", "on", "precision", "at", "due", "dates")


def _context(agreement: Agreement, milestones: Mapping[str, Event | None]) -> ResolutionContext:
    return ResolutionContext(
        timezone=agreement.timezone or "UTC",
        calendars=tuple(agreement.calendars),
        custom_calendars=custom_calendars(),
        milestones=milestones,
    )


def _date_of(draft: MilestoneDraft) -> tuple[object, ...]:
    return (draft.on, draft.precision.value, draft.at, dump_dates(draft.dates))


def _stored_date(row: Milestone) -> tuple[object, ...]:
    return (row.on, row.precision, row.at, row.dates)


def _check_parties(agreement: Agreement, drafts: Sequence[MilestoneDraft]) -> None:
    """Refuse dates of parties that are not parties to the agreement.

    Raises:
        Invalid: at the party.
    """
    if all(draft.dates is None for draft in drafts):
        return
    known = set(agreement.memberships.values_list("party__code", flat=True))
    for index, draft in enumerate(drafts):
        for place, each in enumerate(draft.dates or ()):
            if each.party not in known:
                sentence = f"{each.party} is not a party to the agreement: add it to the parties."
                raise refusal(f"milestones/{index}/dates/{place}/party", sentence)


def _dumped(draft: MilestoneDraft) -> dict[str, object] | None:
    return None if draft.due is None else dump_due_rule(draft.due)


def _store(
    agreement: Agreement,
    drafts: Sequence[MilestoneDraft],
    times: DatingTimes,
    *,
    by: User | None,
    as_of: datetime,
) -> None:
    rows = [
        Milestone(
            agreement=agreement,
            ref=each.ref,
            title=each.title,
            on=each.on,
            precision=each.precision.value,
            at=each.at,
            due=_dumped(each),
            dates=dump_dates(each.dates),
        )
        for each in drafts
    ]
    Milestone.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["agreement", "ref"],
        update_fields=["title", "on", "precision", "at", "due", "dates"],
    )
    datings = []
    for each in drafts:
        known_at = times.last.get(each.ref, as_of)
        former = [step for step in times.earlier.get(each.ref, ()) if step[0] < known_at]
        if min([known_at, *(at for at, _ in former)]) > as_of:
            undated = each.model_copy(
                update={
                    "on": None,
                    "precision": Precision.DAY,
                    "at": None,
                    "dates": None if each.dates is None else (),
                }
            )
            datings.append(_dating(agreement, undated, by=by, recorded_at=as_of))
        datings += [_dating(agreement, state, by=by, recorded_at=at) for at, state in former]
        datings.append(_dating(agreement, each, by=by, recorded_at=known_at))
    insert(datings)


def _dating(
    agreement: Agreement, draft: MilestoneDraft, *, by: User | None, recorded_at: datetime
) -> MilestoneDating:
    return MilestoneDating(
        agreement=agreement,
        ref=draft.ref,
        title=draft.title,
        on=draft.on,
        precision=draft.precision.value,
        at=draft.at,
        due=_dumped(draft),
        dates=dump_dates(draft.dates),
        recorded_at=recorded_at,
        by=by,
    )


def _remove(
    agreement: Agreement, milestones: Iterable[Milestone], *, by: User | None, as_of: datetime
) -> None:
    removed = list(milestones)
    MilestoneDating.objects.bulk_create(
        MilestoneDating(
            agreement=agreement, ref=each.ref, title=each.title, is_removed=True,
            recorded_at=as_of, by=by,
        )
        for each in removed
    )  # fmt: skip
    Milestone.objects.filter(pk__in=[each.pk for each in removed]).delete()
