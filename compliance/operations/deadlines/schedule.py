"""Keeps with every deadline when it is due, as its obligation's rules have it.

`arrange` works out the rules of obligations: it makes the deadlines that they call for, corrects
the terms of those that are there, and withdraws those that they yield no more. It never writes a
status; `course` settles what was touched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property, lru_cache
from itertools import islice, takewhile
from typing import Any

import orjson
from django.conf import settings

from compliance.domain.agreements.drafts import ObligationDraft
from compliance.domain.civil_time import civil_day, day_end, day_start
from compliance.domain.deadlines.components import Part
from compliance.domain.deadlines.facts import Fact as FactOfCourse
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.timeline import CLOSED, Timeline
from compliance.domain.due_dates.calendars import CustomCalendar
from compliance.domain.due_dates.contexts import GraceUnresolvable, ResolutionContext, Unresolvable
from compliance.domain.due_dates.due_instants import Resolved
from compliance.domain.due_dates.due_rules import (
    Due,
    DueRule,
    OffsetRule,
    RecurrenceRule,
    TriggerRule,
    parse_due_rule,
    parse_grace,
)
from compliance.domain.due_dates.periods import Event
from compliance.domain.due_dates.previews import waits_for
from compliance.domain.due_dates.resolution import data_version, resolve
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.domain.vocabulary import (
    Capacity,
    FactKind,
    ObligationKind,
    PeriodUnit,
    Reason,
    RollUp,
    Status,
)
from compliance.models import (
    Agreement,
    Deadline,
    Dependency,
    Fact,
    Milestone,
    Obligation,
    ObligationParty,
)
from compliance.models.agreements.agreements import milestone_event
from compliance.models.bulk import write
from compliance.models.deadlines.deadlines import NO_DUE, Duty, dump_due, duty_of, terms_of
from compliance.models.deadlines.facts import facts_about
from compliance.models.due_dates.calendars import custom_calendars
from compliance.models.locks import for_update

# Beyond this many dates of one obligation a list of deadlines helps nobody.
MOST_DEADLINES = 2_000


def refs_of(*rules: DueRule | None) -> tuple[set[str], set[str]]:
    """The milestones and the obligations, by their refs, that rules count from."""
    milestones: set[str] = set()
    obligations: set[str] = set()
    for rule in rules:
        obligations |= set(_obligation_refs(rule))
        anchor = _offset_of(rule).anchor if _offset_of(rule) else None
        if anchor is not None and anchor.milestone is not None:
            milestones.add(anchor.milestone)
        if isinstance(rule, TriggerRule) and rule.on.milestone is not None:
            milestones.add(rule.on.milestone)
    return milestones, obligations


def _offset_of(rule: DueRule | None) -> Any:
    if isinstance(rule, TriggerRule):
        return rule.then
    return rule if isinstance(rule, OffsetRule) else None


def _obligation_refs(rule: DueRule | None) -> Iterator[str]:
    """The obligations that a rule counts from, the one that wakes it first."""
    if isinstance(rule, TriggerRule):
        yield from filter(None, (rule.on.breach_of, rule.on.met))
    offset = _offset_of(rule)
    if offset is not None and offset.anchor is not None and offset.anchor.deadline is not None:
        yield offset.anchor.deadline


def fallback_timezone(agreement: Agreement, obligor_timezones: Iterable[str]) -> str | None:
    """The zone that counts where a rule names none; None if the obligors' zones differ."""
    if agreement.timezone:
        return agreement.timezone
    zones = set(obligor_timezones)
    return zones.pop() if len(zones) == 1 else None


def event_of_due(due: Due, rule: DueRule | None) -> Event:
    """A due date as something to count from: its day, or its instant where hours are counted."""
    offset = _offset_of(rule)
    if offset is not None and offset.unit is PeriodUnit.HOURS:
        return Event(on=due.due_on, at=due.due_at)
    return Event(on=due.due_on)


def levels(obligation_ids: Iterable[int]) -> list[list[int]]:
    """The given obligations and all that hang on them, so that what is counted from another
    stands on a later level than that one."""
    given = set(obligation_ids)
    agreements = Agreement.objects.filter(obligations__in=given)
    edges = Dependency.objects.filter(on__agreement__in=agreements.distinct())
    dependents: dict[int, set[int]] = defaultdict(set)
    for obligation_id, on_id in edges.values_list("obligation_id", "on_id"):
        if on_id is not None:
            dependents[on_id].add(obligation_id)
    depth: dict[int, int] = dict.fromkeys(given, 0)
    waiting_at = list(given)
    while waiting_at:
        pk = waiting_at.pop()
        for dependent in dependents[pk]:
            if depth.get(dependent, 0) <= depth[pk]:
                depth[dependent] = depth[pk] + 1
                waiting_at.append(dependent)
    found: dict[int, list[int]] = defaultdict(list)
    for pk, number in sorted(depth.items()):
        found[number].append(pk)
    return [found[number] for number in sorted(found)]


class Unworkable(Invalid):
    """Rules of a stored obligation that cannot be resolved."""

    def __init__(self, problems: Iterable[Problem], obligation_id: int) -> None:
        self.obligation_id = obligation_id
        super().__init__(problems)


@dataclass(kw_only=True, slots=True)
class Arranged:
    """What an arrangement did: the deadlines it made or changed, and those it could not."""

    touched: set[int] = field(default_factory=set)
    failed: dict[int, str] = field(default_factory=dict)


def arrange(
    obligation_ids: Iterable[int],
    *,
    as_of: datetime,
    is_forgiving: bool = False,
    keeps_closed: bool = False,
) -> Arranged:
    """Bring the deadlines of obligations in line with their rules.

    What they are counted from must be in line already. Of a recurrence, the dates up to the
    horizon are made. With `is_forgiving`, an obligation whose rules cannot be resolved keeps its
    deadlines as they are, and those are named in `failed`. With `keeps_closed`, deadlines that
    are closed keep the terms by which they were judged.

    Raises:
        Unworkable: a rule cannot be resolved (at `due`, `starts` or `grace`).
    """
    done = Arranged()
    book = _Book.of(obligation_ids, is_for_writing=True)
    until = horizon(as_of)
    fresh: list[Deadline] = []
    changed: list[Deadline] = []
    version = data_version()
    checked: list[int] = []
    for obligation in book.obligations:
        stored = book.deadlines.get(obligation.pk, {})
        try:
            wanted = _wanted(obligation, book, as_of=as_of, until=until)
        except Exception as error:
            if not is_forgiving:
                if isinstance(error, Invalid):
                    raise Unworkable(error.problems, obligation.pk) from None
                raise
            done.failed |= dict.fromkeys((each.pk for each in stored.values()), str(error))
            # Tried with this data, and not again before something changes.
            checked += [each.pk for each in stored.values()]
            continue
        for number, terms in wanted.items():
            deadline = stored.get(number)
            if deadline is None:
                fresh.append(_new(obligation, number, terms, book, as_of))
            elif keeps_closed and deadline.status in CLOSED and not deadline.is_withdrawn:
                checked += [deadline.pk] if deadline.data_version != version else []
            elif deadline.is_withdrawn or any(
                getattr(deadline, name) != value for name, value in terms.items()
            ):
                for name, value in terms.items():
                    setattr(deadline, name, value)
                deadline.is_withdrawn = False
                deadline.data_version = version
                changed.append(deadline)
            elif deadline.data_version != version:
                checked.append(deadline.pk)
        for number in stored.keys() - wanted.keys():
            left = stored[number]
            if not (left.is_withdrawn or (keeps_closed and left.status in CLOSED)):
                left.is_withdrawn = True
                left.data_version = version
                changed.append(left)
            elif left.data_version != version:
                checked.append(left.pk)
    Deadline.objects.bulk_create(fresh, batch_size=2_000)
    columns = ("id", *_TERMS, "is_withdrawn", "data_version")
    write(_UPDATE_TERMS, [{name: getattr(each, name) for name in columns} for each in changed])
    write(_UP_TO_DATE, [{"id": pk} for pk in checked], version=version)
    done.touched = {each.pk for each in (*fresh, *changed)}
    return done


def check(draft: ObligationDraft, context: ResolutionContext, *, as_of: datetime) -> None:
    """Refuse rules that can give no date as they stand.

    What they count from may have no date yet; they are tried with one.

    Raises:
        Invalid: at `due`, `starts` or `grace`.
    """
    day = Event(on=as_of.date(), at=as_of)
    tried = replace(
        context,
        milestones={ref: event or day for ref, event in context.milestones.items()},
        deadlines={ref: event or day for ref, event in context.deadlines.items()},
    )
    for path, rule in (("due", draft.due), ("starts", draft.starts)):
        event = None
        if isinstance(rule, TriggerRule):
            event = day
            _refuse_unknown_event(rule, tried, path)
        if isinstance(rule, RecurrenceRule):
            _dates(rule, tried, until=horizon(as_of))
        elif rule is not None:
            with _refusing(path):
                next(resolve(rule, tried, event=event), None)


def _refuse_unknown_event(rule: TriggerRule, context: ResolutionContext, path: str) -> None:
    for name, known in (
        ("milestone", context.milestones),
        ("breach_of", context.deadlines),
        ("met", context.deadlines),
    ):
        ref = getattr(rule.on, name)
        if ref is not None and ref not in known:
            word = "milestone" if name == "milestone" else "obligation"
            sentence = f"There is no {word} {ref} here: add it to the agreement, or correct it."
            raise refusal(f"{path}/on/{name}", sentence)


def due_of(deadline: Deadline, rule: DueRule) -> Due:
    """When `deadline` is due by another rule than its obligation's: that of an extension.

    Raises:
        Invalid: it cannot be resolved, or has no date yet (at `due`).
    """
    book = _Book.of([deadline.obligation_id])
    [obligation] = book.obligations
    context = book.context(obligation)
    context = replace(
        context,
        timezone=_own_zone(obligation, context) or deadline.timezone,
        deadlines=book.dues(deadline, rule),
    )
    with _refusing("due"):
        resolved = next(resolve(rule, context), None)
    if resolved is None:
        raise refusal("due/from", "What this counts from has no date yet.")
    return resolved.due


def due_when_triggered(deadline: Deadline, event: Event) -> Due:
    """When `deadline` is due if what it waits for happened at `event`.

    Raises:
        Invalid: its rule waits for nothing.
    """
    book = _Book.of([deadline.obligation_id])
    [obligation] = book.obligations
    rule = rule_of(obligation.due)
    names_its_date = isinstance(rule, OffsetRule) and rule.anchor and rule.anchor.date
    if not isinstance(rule, TriggerRule | OffsetRule) or names_its_date:
        raise refusal("type", "This deadline waits for nothing: its rule names its date.")
    context = replace(book.context(obligation), deadlines=book.dues(deadline, rule))
    with _refusing("due"):
        resolved = next(resolve(rule, context, event=event), None)
    if resolved is None:
        raise refusal("type", "What its rule counts from has no date yet.")
    return resolved.due


def setting_of(obligation: Obligation) -> ResolutionContext:
    """What surrounds the rules of a stored obligation."""
    book = _Book.of([obligation.pk])
    return book.context(obligation)


@contextmanager
def _refusing(path: str) -> Iterator[None]:
    """What cannot be resolved, refused at its place."""
    try:
        yield
    except Unresolvable as error:
        raise refusal(f"{path}/{error.path}", str(error)) from None
    except GraceUnresolvable as error:
        raise refusal("grace/count", str(error)) from None


_TERMS = (
    "timezone",
    "begins_at",
    "starts_at",
    "original_due_on",
    "original_due_at",
    "original_unmet_at",
    "original_earliest_due_at",
    "moves",
    "trace",
    "warnings",
)

_UPDATE_TERMS = """
    UPDATE compliance_deadline AS d
    SET timezone = v.timezone, begins_at = v.begins_at, starts_at = v.starts_at,
        original_due_on = v.original_due_on, original_due_at = v.original_due_at,
        original_unmet_at = v.original_unmet_at,
        original_earliest_due_at = v.original_earliest_due_at,
        moves = v.moves, trace = v.trace, warnings = v.warnings,
        is_withdrawn = v.is_withdrawn, data_version = v.data_version
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(
        id bigint, timezone text, begins_at timestamptz, starts_at timestamptz,
        original_due_on date, original_due_at timestamptz, original_unmet_at timestamptz,
        original_earliest_due_at timestamptz, moves jsonb, trace jsonb, warnings jsonb,
        is_withdrawn boolean, data_version text)
    WHERE d.id = v.id
"""

_UP_TO_DATE = """
    UPDATE compliance_deadline AS d SET data_version = %(version)s
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(id bigint)
    WHERE d.id = v.id
"""


def _new(
    obligation: Obligation, number: int, terms: Mapping[str, Any], book: _Book, as_of: datetime
) -> Deadline:
    return Deadline(
        agreement_id=obligation.agreement_id,
        obligation=obligation,
        number=number,
        has_dependents=obligation.pk in book.waited_for,
        status=Status.PENDING,
        status_since=terms["begins_at"],
        due_on=terms["original_due_on"],
        due_at=terms["original_due_at"],
        unmet_at=terms["original_unmet_at"],
        next_check_at=as_of,
        data_version=data_version(),
        **terms,
    )


def horizon(as_of: datetime) -> date:
    """The day up to which the deadlines of recurrences are made."""
    months = as_of.month - 1 + settings.RECURRENCE_HORIZON_MONTHS
    return date(as_of.year + months // 12, months % 12 + 1, min(as_of.day, 28))


@lru_cache(maxsize=4096)
def _parsed(text: bytes) -> DueRule:
    return parse_due_rule(orjson.loads(text))


def rule_of(stored: object) -> DueRule | None:
    """A stored rule, read."""
    return None if stored is None else _parsed(orjson.dumps(stored))


@dataclass(kw_only=True)
class _Source:
    """A deadline that others are counted from. Its course is worked out when it is asked for, so
    that one which cannot be projected stops none but those that hang on it.

    `is_in_step` says that what hangs on it is reached by what befalls their agreement, too.
    """

    deadline: Deadline
    duty: Duty
    facts: Sequence[FactOfCourse]
    is_in_step: bool

    @cached_property
    def timeline(self) -> Timeline:
        """Its course."""
        return project(terms_of(self.deadline, self.duty), self.facts)

    @cached_property
    def dates(self) -> Timeline:
        """Its course as far as it moves what hangs on it: a suspension of their agreement that
        reaches both stops each clock by itself, and none twice."""
        own = [fact for fact in self.facts if not fact.is_of_agreement]
        if not self.is_in_step or len(own) == len(self.facts):
            return self.timeline
        return project(terms_of(self.deadline, self.duty), own)


@dataclass(kw_only=True)
class _Whole:
    """An obligation without a deadline of its own, that goes by its components, as a source."""

    part: Part
    deadlines: Sequence[Deadline]

    @property
    def deadline(self) -> Deadline:
        """The deadline among its components' of which something was learned last."""
        return max(self.deadlines, key=lambda each: (each.recorded_at or each.begins_at, each.pk))

    @cached_property
    def timeline(self) -> Timeline:
        """Its course."""
        return self.part.as_timeline()

    @property
    def dates(self) -> Timeline:
        """Its course; it has no due date to move anything by."""
        return self.timeline


_AnySource = _Source | _Whole


@dataclass(kw_only=True, slots=True)
class _Book:
    """Obligations, and all that their rules refer to, loaded set-wise.

    `sources` are, by obligation, the deadlines it is counted from: by ref, then by number.
    `wholes` are those of the obligations that go by their components. `waited_for` are those that
    others are counted from.
    """

    obligations: list[Obligation]
    sides: dict[int, list[tuple[str, str, str]]]
    milestones: dict[int, dict[str, Event | None]]
    desk: Mapping[str, CustomCalendar]
    deadlines: dict[int, dict[int, Deadline]]
    dated_facts: dict[int, list[Fact]]
    sources: dict[int, dict[str, dict[int, _AnySource]]]
    wholes: dict[int, Part]
    waited_for: set[int]

    @classmethod
    def of(cls, obligation_ids: Iterable[int], *, is_for_writing: bool = False) -> _Book:
        ids = sorted(set(obligation_ids))
        obligations = list(
            Obligation.objects.filter(id__in=ids).select_related("agreement").order_by("id")
        )
        sides: dict[int, list[tuple[str, str, str]]] = defaultdict(list)
        for pk, *side in ObligationParty.objects.filter(obligation__in=ids).values_list(
            "obligation_id", "capacity", "party__code", "party__timezone"
        ):
            sides[pk].append((side[0], side[1], side[2]))
        milestones: dict[int, dict[str, Event | None]] = defaultdict(dict)
        agreements = {each.agreement_id for each in obligations}
        for milestone in Milestone.objects.filter(agreement__in=agreements):
            milestones[milestone.agreement_id][milestone.ref] = milestone_event(milestone)
        deadlines: dict[int, dict[int, Deadline]] = defaultdict(dict)
        stored = Deadline.objects.filter(obligation__in=ids).order_by("id")
        for deadline in for_update(stored) if is_for_writing else stored:
            deadlines[deadline.obligation_id][deadline.number] = deadline
        dated_facts: dict[int, list[Fact]] = defaultdict(list)
        for fact in Fact.objects.filter(
            deadline__obligation__in=ids, kind__in=[FactKind.EXTENSION, FactKind.TRIGGER]
        ).order_by("effective_at", "id"):
            if fact.deadline_id is not None:
                dated_facts[fact.deadline_id].append(fact)
        sources, wholes = _sources(ids)
        return cls(
            obligations=obligations,
            sides=sides,
            milestones=milestones,
            desk=custom_calendars(),
            deadlines=deadlines,
            dated_facts=dated_facts,
            sources=sources,
            wholes=wholes,
            waited_for=set(Dependency.objects.filter(on__in=ids).values_list("on_id", flat=True)),
        )

    def context(self, obligation: Obligation) -> ResolutionContext:
        """What surrounds the rules of an obligation, but for the deadlines it is counted from."""
        sides = self.sides[obligation.pk]
        obligor = Capacity.OBLIGOR.value
        return ResolutionContext(
            timezone=fallback_timezone(
                obligation.agreement, (zone for capacity, _, zone in sides if capacity == obligor)
            ),
            party_timezones={code: zone_name for _, code, zone_name in sides},
            calendars=tuple(obligation.agreement.calendars),
            custom_calendars=self.desk,
            grace=parse_grace(obligation.grace) if obligation.grace else None,
            milestones=self.milestones[obligation.agreement_id],
        )

    def dues(self, deadline: Deadline, rule: DueRule) -> dict[str, Event | None]:
        """Where what a rule is counted from stands now, by ref, for one of its deadlines."""
        found = {}
        for ref, sources in self.sources.get(deadline.obligation_id, {}).items():
            source = sources.get(deadline.number) or sources.get(1)
            due = _last_due(source)
            found[ref] = None if due is None else event_of_due(due, rule)
        return found


def _last_due(source: _AnySource | None) -> Due | None:
    """Where the due date of a source stands after all that is known."""
    if source is None or not source.dates.transitions:
        return None
    return source.dates.transitions[-1].due


def goes_by_components(obligation: Obligation) -> bool:
    """Whether an obligation is done when enough of its components are, if it has any."""
    is_achieved = obligation.kind == ObligationKind.ACHIEVE.value
    return is_achieved and obligation.target_quantity is None


def _sources(
    ids: list[int],
) -> tuple[dict[int, dict[str, dict[int, _AnySource]]], dict[int, Part]]:
    """What obligations are counted from, and those of them that go by their components."""
    hanging = list(
        Dependency.objects.filter(obligation__in=ids, on__isnull=False).values_list(
            "obligation_id", "obligation__survives_termination", "on_id", "on__ref"
        )
    )
    if not hanging:
        return {}, {}
    rows, children, parents = _family({on for _, _, on, _ in hanging} | set(ids))
    duties = {row.pk: duty_of(row.obligation) for row in rows}
    facts = facts_about(
        rows, surviving={pk for pk, duty in duties.items() if duty.survives_termination}
    )
    courses: dict[tuple[int, bool], dict[int, _Source]] = defaultdict(dict)
    for row in rows:
        for survives_termination in (False, True):
            courses[row.obligation_id, survives_termination][row.number] = _Source(
                deadline=row,
                duty=duties[row.pk],
                facts=facts.get(row.pk, []),
                is_in_step=not survives_termination,
            )

    def part(pk: int) -> Part:
        if (pk, False) in courses:
            return Part(timelines=tuple(each.timeline for each in courses[pk, False].values()))
        return whole(pk)

    def whole(pk: int) -> Part:
        parent = parents[pk]
        return Part(
            parts=tuple(part(child) for child in children[pk]),
            rule=RollUp(parent.roll_up),
            share=parent.roll_up_share,
        )

    found: dict[int, dict[str, dict[int, _AnySource]]] = defaultdict(dict)
    for obligation_id, survives_termination, on_id, ref in hanging:
        source: dict[int, _AnySource] = {**courses.get((on_id, survives_termination), {})}
        if not source and children.get(on_id):
            source = {1: _Whole(part=whole(on_id), deadlines=_leaves(on_id, children, courses))}
        found[obligation_id][ref] = source
    return found, {pk: whole(pk) for pk in ids if children.get(pk)}


def _family(
    wanted: set[int],
) -> tuple[list[Deadline], dict[int, list[int]], dict[int, Obligation]]:
    """The deadlines of obligations; and of those that go by components their components, by their
    ids, and themselves."""
    rows: list[Deadline] = []
    children: dict[int, list[int]] = defaultdict(list)
    parents: dict[int, Obligation] = {}
    new = wanted
    seen: set[int] = set()
    while new:
        seen |= new
        rows += Deadline.objects.filter(obligation__in=new, is_withdrawn=False).select_related(
            "obligation"
        )
        found: set[int] = set()
        components = Obligation.objects.filter(parent__in=new).select_related("parent")
        for each in components.order_by("id"):
            parent = each.parent
            if parent is not None and goes_by_components(parent):
                parents[parent.pk] = parent
                children[parent.pk].append(each.pk)
                found.add(each.pk)
        new = found - seen
    return rows, children, parents


def _leaves(
    pk: int, children: Mapping[int, list[int]], courses: Mapping[tuple[int, bool], Any]
) -> list[Deadline]:
    own = [each.deadline for each in courses.get((pk, False), {}).values()]
    return own or [
        leaf for child in children.get(pk, ()) for leaf in _leaves(child, children, courses)
    ]


def _wanted(
    obligation: Obligation, book: _Book, *, as_of: datetime, until: date
) -> dict[int, dict[str, Any]]:
    """The terms of the deadlines that an obligation calls for, by their numbers."""
    rule = rule_of(obligation.due)
    if rule is None and obligation.kind == ObligationKind.ACHIEVE.value:
        return {}
    context = book.context(obligation)
    if isinstance(rule, RecurrenceRule):
        return {
            number: _terms(obligation, number, book, context, as_of, given=each)
            for number, each in enumerate(_dates(rule, context, until=until), start=1)
        }
    refs = [*_obligation_refs(rule), *_obligation_refs(rule_of(obligation.starts))]
    numbers: Iterable[int] = (1,)
    if refs:
        # One for each deadline of what it is counted from, under the same number.
        numbers = sorted(book.sources.get(obligation.pk, {}).get(refs[0], {}))
    return {number: _terms(obligation, number, book, context, as_of) for number in numbers}


def _dates(rule: RecurrenceRule, context: ResolutionContext, *, until: date) -> list[Resolved]:
    with _refusing("due"):
        upcoming = takewhile(lambda each: each.due.due_on <= until, resolve(rule, context))
        dates = list(islice(upcoming, MOST_DEADLINES + 1))
    if len(dates) > MOST_DEADLINES:
        sentence = (
            f"This rule yields more than {MOST_DEADLINES} dates up to {until}: "
            "start it later, or let it recur less often."
        )
        raise refusal("due/rrule", sentence)
    return dates


def _terms(
    obligation: Obligation,
    number: int,
    book: _Book,
    context: ResolutionContext,
    as_of: datetime,
    *,
    given: Resolved | None = None,
) -> dict[str, Any]:
    """The terms of one deadline: its columns, by name."""
    rule = rule_of(obligation.due)
    stored = book.deadlines.get(obligation.pk, {}).get(number)
    sources = {
        ref: by_number.get(number) or by_number.get(1)
        for ref, by_number in book.sources.get(obligation.pk, {}).items()
    }
    first = given
    moves: list[dict[str, Any]] = []
    trace: list[str] = []
    warnings: list[str] = []
    with _refusing("due"):
        if rule is not None and given is None:
            first, later = _course_of(rule, context, sources, as_of)
            for at, resolved, reason in later:
                due = None if resolved is None else dump_due(resolved.due)
                moves.append({"at": at.isoformat(), "reason": reason.value, "due": due})
                if resolved is not None:
                    trace += [f"{_OCCASIONS[reason]} at {at:%Y-%m-%d %H:%M}Z.", *resolved.steps]
                    warnings += resolved.warnings
    if first is not None:
        trace = [*first.steps, *trace]
        warnings = [*first.warnings, *warnings]
    elif not moves and rule is not None:
        trace.append(waits_for(rule))
    if obligation.pk in book.wholes and goes_by_components(obligation):
        moves += [
            {
                "at": at.isoformat(),
                "reason": Reason.COMPONENT_DONE.value,
                "due": None,
                "performed": str(state.done),
                "target": str(state.needed),
            }
            for at, state in book.wholes[obligation.pk].rolled_up_course()
        ]
        moves.sort(key=lambda each: datetime.fromisoformat(each["at"]))
    own_zone = _own_zone(obligation, context) or (first.due.timezone if first else None)
    around_facts = replace(context, timezone=own_zone)
    for fact in book.dated_facts.get(stored.pk, ()) if stored else ():
        resolved = _of_fact(fact, rule, around_facts, sources)
        if resolved is not None:
            moves.append({"fact": fact.pk, "due": dump_due(resolved.due)})
            trace += [f"{fact.kind.capitalize()}, fact {fact.pk}.", *resolved.steps]
            warnings += resolved.warnings
    due_at = first.due.due_at if first else None
    zone_name = first.due.timezone if first else _named_zone(rule) or context.timezone or "UTC"
    agreement = obligation.agreement
    began_on = agreement.in_force_on or agreement.signed_on
    begins_at = stored.begins_at if stored else as_of
    if began_on is not None:
        begins_at = day_start(began_on, zone_name)
    return {
        "timezone": zone_name,
        "begins_at": min(begins_at, due_at) if due_at else begins_at,
        "starts_at": _starts_at(obligation, context, sources, due_at, trace),
        "original_due_on": first.due.due_on if first else None,
        "original_due_at": due_at,
        "original_unmet_at": first.due.unmet_at if first else None,
        "original_earliest_due_at": first.due.earliest_due_at if first else None,
        "moves": moves or None,
        "trace": trace,
        "warnings": list(dict.fromkeys(warnings)),
    }


_OCCASIONS = {Reason.TRIGGERED: "Triggered", Reason.RESCHEDULED: "Moved with its anchor"}


def _course_of(
    rule: DueRule,
    context: ResolutionContext,
    sources: Mapping[str, _AnySource | None],
    as_of: datetime,
) -> tuple[Resolved | None, list[tuple[datetime, Resolved | None, Reason]]]:
    """The due date that a rule gives at first, and what became of it with what it hangs on."""
    if isinstance(rule, TriggerRule):
        woken = _waking(rule, context, sources, as_of)
        if woken is None:
            return None, []
        at, event = woken
        around = replace(context, deadlines=_latest(sources, rule))
        resolved = next(resolve(rule, around, event=event), None)
        return None, [] if resolved is None else [(at, resolved, Reason.TRIGGERED)]
    if not (isinstance(rule, OffsetRule) and rule.anchor and rule.anchor.deadline):
        return next(resolve(rule, context), None), []
    ref = rule.anchor.deadline
    source = sources.get(ref)
    if source is None:
        return next(resolve(rule, replace(context, deadlines={ref: None})), None), []
    course: list[tuple[datetime, Resolved | None, Reason]] = []
    last: Due | None = None
    for number, transition in enumerate(source.dates.transitions):
        if number and transition.due == last:
            continue
        was_known, last = last is not None, transition.due
        counted_from = None if last is None else event_of_due(last, rule)
        around = replace(context, deadlines={ref: counted_from})
        is_woken = counted_from is not None and not was_known
        reason = Reason.TRIGGERED if is_woken else Reason.RESCHEDULED
        course.append((transition.effective_at, next(resolve(rule, around), None), reason))
    (_, first, _), *later = course
    return first, later


def _waking(
    rule: TriggerRule,
    context: ResolutionContext,
    sources: Mapping[str, _AnySource | None],
    as_of: datetime,
) -> tuple[datetime, Event] | None:
    """When and by what a trigger has woken its deadline, if it has."""
    event = rule.on
    if event.milestone is not None:
        happened = context.milestones.get(event.milestone)
        if happened is None:
            return None
        zone_name = _named_zone(rule) or context.timezone or "UTC"
        return happened.at or day_start(happened.on, zone_name), happened
    source = sources.get(event.breach_of or event.met or "")
    if source is None:
        return None
    as_of = max(as_of, source.deadline.recorded_at or as_of)
    if event.breach_of is not None:
        breaches = source.timeline.breaches(as_of)
        at = breaches[0].occurred_at if breaches else None
    else:
        at = next(
            (
                each.effective_at
                for each in source.timeline.until(as_of)
                if each.status in (Status.MET, Status.MET_LATE)
            ),
            None,
        )
    if at is None:
        return None
    # What is known by its day counts from the start of that day, where the source is.
    on = civil_day(at, source.deadline.timezone)
    is_day = at == day_start(on, source.deadline.timezone)
    return at, Event(on=on, at=None if is_day and not _counts_hours(rule) else at)


def _latest(
    sources: Mapping[str, _AnySource | None], rule: DueRule | None
) -> dict[str, Event | None]:
    """The due dates of what a rule is counted from, as they stand after all that is known."""
    found: dict[str, Event | None] = {}
    for ref, source in sources.items():
        due = _last_due(source)
        found[ref] = None if due is None else event_of_due(due, rule)
    return found


def _of_fact(
    fact: Fact,
    rule: DueRule | None,
    context: ResolutionContext,
    sources: Mapping[str, _AnySource | None],
) -> Resolved | None:
    """What the rule of an extension, or a trigger, gives now; None if it gives nothing any more,
    and what it gave when it was recorded counts."""
    wanted = rule_of(fact.due) if fact.kind == FactKind.EXTENSION else rule
    event = None
    if fact.kind == FactKind.TRIGGER:
        at = fact.effective_at if fact.effective_on is None else None
        event = Event(on=fact.effective_on or civil_day(fact.effective_at, "UTC"), at=at)
    if wanted is None:
        return None
    around = replace(context, deadlines=_latest(sources, wanted))
    try:
        return next(resolve(wanted, around, event=event), None)
    except (Unresolvable, GraceUnresolvable):
        return None


def _starts_at(
    obligation: Obligation,
    context: ResolutionContext,
    sources: Mapping[str, _AnySource | None],
    due_at: datetime | None,
    trace: list[str],
) -> datetime | None:
    rule = rule_of(obligation.starts)
    if rule is None:
        return None
    around = replace(context, deadlines=_latest(sources, rule), grace=None)
    with _refusing("starts"):
        resolved = next(resolve(rule, around), None)
    if resolved is None:
        # As long as its beginning has no date, the period does not begin.
        return due_at or NO_DUE
    due = resolved.due
    is_day = due.due_at == day_end(due.due_on, due.timezone)
    starts_at = day_start(due.due_on, due.timezone) if is_day else due.due_at
    trace.append(f"The period begins at {starts_at:%Y-%m-%d %H:%M}Z.")
    return starts_at


def _named_zone(rule: DueRule | None) -> str | None:
    if isinstance(rule, TriggerRule):
        return rule.then.timezone
    return rule.timezone if rule is not None else None


def _own_zone(obligation: Obligation, context: ResolutionContext) -> str | None:
    """The zone that counts for an obligation: an extension that names none goes by it too."""
    return _named_zone(rule_of(obligation.due)) or context.timezone


def _counts_hours(rule: TriggerRule) -> bool:
    return rule.then.unit is PeriodUnit.HOURS
