"""What a message tells, read from the database as it stands at the time of sending.

The number of queries does not depend on how many messages are read or how many alerts they hold.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db import connection
from django.db.models import Count

from compliance.delivery import links
from compliance.delivery.deadlines import ToldDeadline, told_deadlines
from compliance.delivery.reasons import Reasons
from compliance.domain import civil_time, phrases
from compliance.domain.vocabulary import (
    AlertKind,
    BreachEnd,
    Capacity,
    ObligationKind,
    Reason,
    Severity,
    Stance,
    Status,
    Verdict,
)
from compliance.models import Breach, Evidence, ObligationParty, Party, Position, Subscription
from compliance.models.bulk import fetch

# A message lists this many deadlines, most severe first, and counts the rest.
LISTED = 100
# The first ones are quoted at length; beyond that a mail grows past what mail clients show.
QUOTED_AT_LENGTH = 10
LONG_QUOTE, SHORT_QUOTE = 2_000, 280

ENDED = {
    BreachEnd.PERFORMED: "met late",
    BreachEnd.CURED: "cured",
    BreachEnd.EXTENDED: "extended",
    BreachEnd.RESCHEDULED: "rescheduled",
    BreachEnd.WAIVED: "waived",
    BreachEnd.SUSPENDED: "suspended",
    BreachEnd.CANCELLED: "cancelled",
    BreachEnd.TERMINATED: "terminated",
    BreachEnd.WITHDRAWN: "withdrawn",
    BreachEnd.VOIDED: "not {missed} after all",
}
CHANGED = {
    Reason.EXTENDED: "extended",
    Reason.RESCHEDULED: "rescheduled",
    Reason.TRIGGERED: "now due",
    Reason.TARGET_RESTATED: "restated",
    Reason.WAIVED: "waived",
    Reason.SUSPENDED: "suspended",
    Reason.RESUMED: "resumed",
    Reason.CANCELLED: "cancelled",
    Reason.TERMINATED: "terminated",
    Reason.WITHDRAWN: "withdrawn",
}
_GOOD_ENDS = frozenset({BreachEnd.PERFORMED, BreachEnd.CURED, BreachEnd.VOIDED})
_VERDICTS = {
    Verdict.MET: "met",
    Verdict.PARTLY_MET: "partly met",
    Verdict.NOT_MET: "not met",
}
_STANCES = {Stance.FOR: "for", Stance.AGAINST: "against", Stance.CONTEXT: "context"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """The latest position of one party."""

    party: str
    verdict: str
    day: str
    quote: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One deadline in a message, in words. `tone` is `bad`, `good` or `plain`.

    `due_label` says what `due` is: when it was due, or until when it binds. Where somebody can
    say that they are at it, `acknowledge_path` leads there.
    """

    deadline_id: int
    kind: str
    standing: str
    agreement: str
    acknowledge_path: str

    headline: str
    tone: str
    title: str
    ref: str
    severity: str
    obligors: str
    obligors_briefly: str
    obligees: str
    due_label: str
    due: str
    due_utc: str
    due_elsewhere: tuple[str, ...]
    first_due: str
    grace: str
    course: str
    note: str
    why: str
    clause: str
    quote: str
    words: tuple[Word, ...]
    is_disputed: bool
    evidence: str
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What one message tells. `counts` are by standing, such as `missed` and `met late`."""

    recipient: str
    message_id: str
    thread: str
    references: tuple[str, ...]
    agreement: str
    agreement_ref: str
    is_digest: bool
    unsubscribe_path: str
    counts: dict[str, int]
    items: tuple[Item, ...]
    list_path: str

    @property
    def total(self) -> int:
        """How many deadlines it tells of, those not listed included."""
        return sum(self.counts.values())

    @property
    def omitted(self) -> int:
        """How many of them are not listed."""
        return self.total - len(self.items)


class _Told(NamedTuple):
    """An alert, joined with the breach that it tells of, if it tells of one."""

    message_id: int
    kind: str
    deadline_id: int
    due_at: datetime | None
    reason: str | None
    level: int
    created_at: datetime
    occurred_at: datetime | None
    detected_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    silence: str | None = None


# What befalls one breach, in its order.
_CLIMB = (AlertKind.MISSED, AlertKind.UNSILENCED, AlertKind.ESCALATED, AlertKind.RECOVERED)

# What the alerts of a message come to: of one breach that was missed, climbed and recovered in the
# same message, the last of these tells all; and where a change began or ended a breach, that.
# Ranked rather than compared each with each: a message may hold many thousands. Worked out once,
# for what is listed of it and for how many there are of each standing.
_TOLD = """
    WITH placed AS (
        SELECT id, message_id, kind, deadline_id, agreement_id, recipient, occasion, breach_at,
            due_at, reason, level, created_at,
            coalesce(array_position(%(climb)s::text[], kind::text), 0) AS place
        FROM compliance_alert
        WHERE message_id = ANY(%(messages)s) AND withdrawn_at IS NULL
    ), told AS MATERIALIZED (
        SELECT a.id, a.message_id, a.kind, a.deadline_id, a.agreement_id, a.occasion, a.due_at,
            a.reason, a.level, a.created_at, b.occurred_at, b.detected_at, b.ended_at,
            b.end_reason, o.kind = %(achieve)s AS is_achieved,
            array_position(%(severities)s::text[], o.severity::text) AS severity,
            d.due_at AS now_due_at
        FROM (
            SELECT *,
                max(place) OVER (PARTITION BY message_id, deadline_id, breach_at) AS last_place
            FROM placed
        ) AS a
        JOIN compliance_deadline AS d ON d.id = a.deadline_id
        JOIN compliance_obligation AS o ON o.id = d.obligation_id
        LEFT JOIN compliance_breach AS b
          ON b.deadline_id = a.deadline_id AND b.occurred_at = a.breach_at
        WHERE (a.breach_at IS NULL OR a.place = a.last_place)
          AND NOT (a.kind = %(changed)s AND EXISTS (
            SELECT FROM compliance_alert AS r
            WHERE r.deadline_id = a.deadline_id AND r.kind IN (%(missed)s, %(recovered)s)
              AND r.recipient = a.recipient AND r.message_id = a.message_id
              AND r.created_at = a.created_at AND r.withdrawn_at IS NULL))
    ), counted AS (
        SELECT message_id,
            jsonb_agg(jsonb_build_array(kind, end_reason, reason, is_achieved, count)) AS standings
        FROM (
            SELECT message_id, kind, end_reason, reason, is_achieved, count(*)
            FROM told GROUP BY message_id, kind, end_reason, reason, is_achieved
        ) AS each
        GROUP BY message_id
    ), ranked AS (
        SELECT *, row_number() OVER (
            PARTITION BY message_id
            ORDER BY ended_at IS NOT NULL, kind = %(changed)s, kind = %(reminder)s, severity DESC,
                now_due_at, id
        ) AS place
        FROM told
    )
    SELECT message_id, place, kind, deadline_id, due_at, reason, level, created_at, occurred_at,
        detected_at, ended_at, end_reason,
        CASE WHEN kind = %(unsilenced)s THEN (
            SELECT s.reason FROM compliance_silence AS s
            WHERE s.agreement_id = ranked.agreement_id AND s.ended_at = ranked.occasion
              AND coalesce(s.deadline_id, ranked.deadline_id) = ranked.deadline_id
            ORDER BY s.id DESC LIMIT 1) END AS silence,
        NULL::jsonb AS standings
    FROM ranked WHERE place <= %(listed)s
    -- Joined to the others, they would be gone through again for each message.
    UNION ALL
    SELECT message_id, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        standings
    FROM counted
    ORDER BY message_id, place
"""


def read(message_ids: Sequence[int], *, as_of: datetime) -> Mapping[int, Contents]:
    """The contents of messages, by id. One with nothing left to tell is not in it.

    All is read now, and put into words when it is asked for, without the database.
    """
    if not message_ids:
        return {}
    listed, counts = _told(message_ids)
    messages = [_Message(*row) for row in fetch(_MESSAGES, ids=list(listed))]
    return _Read(
        as_of=as_of,
        messages={message.id: message for message in messages},
        listed=listed,
        counts=counts,
        background=_Background.of({told.deadline_id for each in listed.values() for told in each}),
        references=_references(message_ids),
        zones=_zones({message.recipient for message in messages}),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read(Mapping[int, Contents]):
    as_of: datetime
    messages: dict[int, _Message]
    listed: dict[int, list[_Told]]
    counts: dict[int, dict[str, int]]
    background: _Background
    references: dict[int, tuple[str, ...]]
    zones: dict[str, str]
    latest: dict[int, Contents] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.messages)

    def __iter__(self) -> Iterator[int]:
        return iter(self.messages)

    def __contains__(self, message_id: object) -> bool:
        return message_id in self.messages

    def __getitem__(self, message_id: int) -> Contents:
        if message_id not in self.latest:
            made = self._in_words(message_id)
            self.latest.clear()
            self.latest[message_id] = made
        return self.latest[message_id]

    def _in_words(self, message_id: int) -> Contents:
        message = self.messages[message_id]
        listed = self.listed[message_id]
        return Contents(
            recipient=message.recipient,
            message_id=message.message_id,
            thread=_thread(message, listed),
            references=self.references.get(message_id, ()),
            agreement=(
                "your digest"
                if message.agreement_id is None
                else phrases.one_line(message.agreement)
            ),
            agreement_ref=message.agreement_ref,
            is_digest=message.agreement_id is None,
            unsubscribe_path=links.unsubscribe_path(message.recipient, message.agreement_id),
            counts=self.counts[message_id],
            items=tuple(
                self.background.item(
                    told,
                    as_of=self.as_of,
                    zone=self.zones.get(message.recipient),
                    quote_length=LONG_QUOTE if place < QUOTED_AT_LENGTH else SHORT_QUOTE,
                )
                for place, told in enumerate(listed)
            ),
            list_path=links.pages().deadlines(message.agreement_id),
        )


class _Message(NamedTuple):
    """A message, and the agreement that it is about unless it is a digest."""

    id: int
    message_id: str
    recipient: str
    agreement_id: int | None
    agreement: str
    agreement_ref: str


_MESSAGES = """
    SELECT m.id, m.message_id, m.recipient, m.agreement_id, coalesce(a.title, ''),
        coalesce(a.ref, '')
    FROM compliance_message AS m
    LEFT JOIN compliance_agreement AS a ON a.id = m.agreement_id
    WHERE m.id = ANY(%(ids)s)
"""


def of_breaches(
    breaches: Sequence[Breach], *, recipient: str, is_digest: bool, as_of: datetime
) -> Contents:
    """What a message would tell a recipient of breaches, at least one, of which it told nothing
    yet; of one agreement, unless it is a digest. Nothing is stored, and its links do nothing."""
    agreement = breaches[0].deadline.agreement
    background = _Background.of(breach.deadline_id for breach in breaches)
    zone = _zones([recipient]).get(recipient)
    items = tuple(
        background.item(
            _Told(
                message_id=0,
                kind=AlertKind.RECOVERED if breach.ended_at else AlertKind.MISSED,
                deadline_id=breach.deadline_id,
                due_at=None,
                reason=None,
                level=0,
                created_at=as_of,
                occurred_at=breach.occurred_at,
                detected_at=breach.detected_at,
                ended_at=breach.ended_at,
                end_reason=breach.end_reason,
            ),
            as_of=as_of,
            zone=zone,
            quote_length=LONG_QUOTE,
        )
        for breach in breaches
    )
    return Contents(
        recipient=recipient,
        message_id="<preview@localhost>",
        thread="preview",
        references=(),
        agreement="your digest" if is_digest else phrases.one_line(agreement.title),
        agreement_ref="" if is_digest else agreement.ref,
        is_digest=is_digest,
        unsubscribe_path="",
        counts=dict(Counter(item.standing for item in items)),
        items=items,
        list_path=links.pages().deadlines(None),
    )


def _thread(message: _Message, told: Sequence[_Told]) -> str:
    """What mail clients gather by: the deadline, if the message is about one; or the agreement."""
    if len(told) == 1:
        return f"deadline-{told[0].deadline_id}"
    return f"agreement-{message.agreement_id}" if message.agreement_id else "digest"


def _zones(recipients: Iterable[str]) -> dict[str, str]:
    """The zones of those recipients who have one of their own."""
    own = Subscription.objects.filter(email__in=recipients, is_active=True).exclude(timezone="UTC")
    known = civil_time.zone_names()
    found = own.order_by("-id").values_list("email", "timezone")
    return {email: zone for email, zone in found if zone in known}


def _parameters(message_ids: Sequence[int]) -> dict[str, Any]:
    return {
        "messages": list(message_ids),
        "climb": list(_CLIMB),
        "missed": AlertKind.MISSED,
        "recovered": AlertKind.RECOVERED,
        "unsilenced": AlertKind.UNSILENCED,
        "reminder": AlertKind.REMINDER,
        "changed": AlertKind.CHANGED,
        "achieve": ObligationKind.ACHIEVE,
        "severities": list(Severity),
        "listed": LISTED,
    }


def _told(
    message_ids: Sequence[int],
) -> tuple[dict[int, list[_Told]], dict[int, dict[str, int]]]:
    """What messages list, in its order: what is still missed first, by severity; and how many
    deadlines they tell of in all, by standing."""
    listed: dict[int, list[_Told]] = defaultdict(list)
    counts: dict[int, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_TOLD, _parameters(message_ids))
        for message_id, _place, *columns, standings in cursor.fetchall():
            if standings is not None:
                counts[message_id] = _counts(orjson.loads(standings))
            else:
                listed[message_id].append(_Told(message_id, *columns))
    return listed, counts


def _counts(standings: Sequence[Sequence[Any]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for kind, end_reason, reason, is_achieved, count in sorted(standings, key=_in_order):
        counts[_standing(kind, end_reason, reason, is_achieved=is_achieved)] += count
    return dict(counts)


_END_ORDER = [None, *ENDED]
_KIND_ORDER = [
    AlertKind.ESCALATED, AlertKind.UNSILENCED, AlertKind.MISSED, AlertKind.RECOVERED,
    AlertKind.REMINDER, AlertKind.CHANGED,
]  # fmt: skip


def _in_order(row: Sequence[Any]) -> tuple[Any, ...]:
    kind, end_reason, reason, is_achieved, _ = row
    return (
        kind in {AlertKind.REMINDER, AlertKind.CHANGED} and _KIND_ORDER.index(kind),
        _END_ORDER.index(end_reason),
        _KIND_ORDER.index(kind),
        reason or "",
        not is_achieved,
    )


def _missed(is_achieved: bool) -> str:
    """What befell a deadline that stands unmet: a date is missed, a rule to keep is violated."""
    return "missed" if is_achieved else "violated"


def _standing(kind: str, end_reason: str | None, reason: str | None, *, is_achieved: bool) -> str:
    """`missed`, `still missed` or how that ended; `due soon`; or what has changed."""
    missed = _missed(is_achieved)
    if end_reason is not None:
        return ENDED[BreachEnd(end_reason)].format(missed=missed)
    match AlertKind(kind):
        case AlertKind.REMINDER:
            return "due soon" if is_achieved else "ending soon"
        case AlertKind.CHANGED:
            return CHANGED[Reason(reason or Reason.RESCHEDULED)]
        case AlertKind.ESCALATED | AlertKind.UNSILENCED:
            return f"still {missed}"
        case _:
            return missed


def _is_achieved(deadline: ToldDeadline) -> bool:
    return deadline.kind == ObligationKind.ACHIEVE.value


def _references(message_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The Message-IDs of the messages that told of the same breaches before."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT a.message_id, m.id, m.message_id
            FROM compliance_alert AS a
            JOIN compliance_alert AS earlier
              ON earlier.deadline_id = a.deadline_id AND earlier.breach_at = a.breach_at
             AND earlier.recipient = a.recipient
            JOIN compliance_message AS m ON m.id = earlier.message_id AND m.id < a.message_id
            WHERE a.message_id = ANY(%(messages)s) AND a.kind <> %(missed)s
              AND a.breach_at IS NOT NULL AND a.withdrawn_at IS NULL
            ORDER BY 1, 2
            """,
            _parameters(message_ids),
        )
        found: dict[int, list[str]] = defaultdict(list)
        for message_id, _, reference in cursor.fetchall():
            found[message_id].append(reference)
    return {message_id: tuple(each[-20:]) for message_id, each in found.items()}


@dataclass(kw_only=True, slots=True)
class _Background:
    """What is known of the listed deadlines, by deadline or, for sides and evidence, obligation."""

    deadlines: dict[int, ToldDeadline]
    sides: dict[int, dict[str, list[Party]]]
    words: dict[int, list[Word]]
    evidence: dict[int, dict[str, int]]
    reasons: Reasons

    @classmethod
    def of(cls, deadline_ids: Iterable[int]) -> _Background:
        deadlines = told_deadlines(deadline_ids)
        obligation_ids = {each.obligation_id for each in deadlines.values()}
        sides: dict[int, dict[str, list[Party]]] = defaultdict(lambda: defaultdict(list))
        for side in (
            ObligationParty.objects.filter(obligation__in=obligation_ids)
            .select_related("party")
            .order_by("id")
        ):
            sides[side.obligation_id][side.capacity].append(side.party)
        words: dict[int, list[Word]] = defaultdict(list)
        latest = (
            Position.objects.filter(deadline__in=deadlines)
            .select_related("party")
            .order_by("deadline_id", "party_id", "-stated_at", "-id")
            .distinct("deadline_id", "party_id")
        )
        for position in sorted(latest, key=lambda each: (each.stated_at, each.pk)):
            stated_on = position.stated_on or position.stated_at.date()
            words[position.deadline_id].append(
                Word(
                    party=phrases.one_line(position.party.name),
                    verdict=_VERDICTS[Verdict(position.verdict)],
                    day=phrases.day(stated_on),
                    quote=phrases.shortened(phrases.one_line(position.quote), 600),
                )
            )
        evidence: dict[int, dict[str, int]] = defaultdict(dict)
        for obligation_id, stance, count in (
            Evidence.objects.filter(obligations__in=obligation_ids)
            .order_by()
            .values_list("obligations", "stance")
            .annotate(Count("id"))
        ):
            evidence[obligation_id][stance] = count
        return cls(
            deadlines=deadlines,
            sides=sides,
            words=words,
            evidence=evidence,
            reasons=Reasons.of(deadlines),
        )

    def item(self, told: _Told, *, as_of: datetime, zone: str | None, quote_length: int) -> Item:
        deadline = self.deadlines[told.deadline_id]
        sides = self.sides[deadline.obligation_id]
        obligors = sides[Capacity.OBLIGOR.value]
        names = [phrases.one_line(party.name) for party in obligors]
        headline, tone = _headline(told, deadline, as_of)
        is_open = told.occurred_at is not None and told.ended_at is None
        return Item(
            deadline_id=deadline.id,
            kind=told.kind,
            standing=_standing(
                told.kind, told.end_reason, told.reason, is_achieved=_is_achieved(deadline)
            ),
            agreement=phrases.one_line(deadline.agreement),
            acknowledge_path=(
                links.acknowledge_path(told.message_id, deadline.id) if is_open else ""
            ),
            headline=headline,
            tone=tone,
            title=phrases.one_line(deadline.title),
            ref=deadline.ref,
            severity=deadline.severity,
            obligors=_named(obligors),
            obligors_briefly=(
                f"{names[0]} and {len(names) - 1} more" if len(names) > 2 else phrases.joined(names)
            ),
            obligees=_named(sides[Capacity.OBLIGEE.value]),
            **_due(told, deadline, obligors, zone),
            course=_course(told, deadline, as_of),
            note=_note(told, deadline),
            why=phrases.shortened(phrases.one_line(self.reasons.why(deadline)), quote_length),
            clause=phrases.one_line(deadline.clause),
            quote=phrases.shortened(phrases.in_lines(deadline.text), quote_length),
            words=tuple(self.words[deadline.id]),
            is_disputed=deadline.is_disputed,
            evidence=_evidence(self.evidence[deadline.obligation_id]),
            path=links.pages().deadline(deadline.id),
        )


def _due(
    told: _Told, deadline: ToldDeadline, obligors: Sequence[Party], recipients_zone: str | None
) -> dict[str, Any]:
    """When it was due, or until when it binds: the fields of an item that say so."""
    zone = deadline.timezone
    due_on, due_at, unmet_at = deadline.due_on, deadline.due_at, deadline.unmet_at
    found: dict[str, Any] = {
        "due_label": _due_label(told, deadline),
        "due": "no date is known any more" if deadline.has_due else "without an end",
        "due_utc": "",
        "due_elsewhere": (),
        "first_due": "",
        "grace": "",
    }
    if due_on is None or due_at is None:
        return found
    found["due"] = phrases.due_here(due_on, due_at, zone)
    if found["due"] != phrases.due_here(due_on, due_at, "UTC"):
        found["due_utc"] = phrases.in_utc(due_at)
    yours: tuple[str, ...] = ()
    if recipients_zone and recipients_zone != zone:
        yours = (f"{phrases.moment(due_at, recipients_zone)} ({recipients_zone}, your time)",)
    found["due_elsewhere"] = yours + tuple(
        f"{phrases.moment(due_at, party.timezone)} ({party.timezone})"
        for party in {each.timezone: each for each in obligors}.values()
        if phrases.moment(due_at, party.timezone) != phrases.moment(due_at, zone)
        and party.timezone != recipients_zone
    )
    first_on, first_at = deadline.original_due_on, deadline.original_due_at
    if first_on is not None and first_at is not None and first_at != due_at:
        found["first_due"] = phrases.due_here(first_on, first_at, zone)
    if unmet_at is not None and unmet_at != due_at:
        found["grace"] = f"until {phrases.moment(unmet_at, zone)} ({zone})"
    return found


def _due_label(told: _Told, deadline: ToldDeadline) -> str:
    if not _is_achieved(deadline):
        return "Binds until"
    is_ahead = told.kind in {AlertKind.REMINDER, AlertKind.CHANGED}
    return "Due" if is_ahead else "Was due"


def _named(parties: Sequence[Party]) -> str:
    names = [f"{phrases.one_line(party.name)} ({party.code})" for party in parties]
    if len(names) > 10:
        return f"{', '.join(names[:9])} and {len(names) - 9} more"
    return phrases.joined(names)


def _headline(told: _Told, deadline: ToldDeadline, as_of: datetime) -> tuple[str, str]:
    is_achieved = _is_achieved(deadline)
    missed = _missed(is_achieved)
    ended = _standing(told.kind, told.end_reason, told.reason, is_achieved=is_achieved)
    if told.kind == AlertKind.REMINDER and deadline.due_at is not None:
        left = phrases.elapsed(
            as_of.replace(second=0, microsecond=0), deadline.due_at, deadline.timezone
        )
        return f"{'Due' if is_achieved else 'Ends'} in {left}", "plain"
    if told.kind == AlertKind.CHANGED:
        return ended.capitalize(), "plain"
    if told.end_reason is None:
        is_partly = deadline.status == Status.PARTLY_MET
        return f"{ended.capitalize()} in part" if is_partly else ended.capitalize(), "bad"
    tone = "good" if told.end_reason in _GOOD_ENDS else "plain"
    if told.kind == AlertKind.MISSED:
        return f"{missed.capitalize()}, then {ended}", tone
    return ended.capitalize(), tone


def _course(told: _Told, deadline: ToldDeadline, as_of: datetime) -> str:
    """What has happened since, in a sentence, and how late that is."""
    zone = deadline.timezone
    is_achieved = _is_achieved(deadline)
    if told.kind == AlertKind.REMINDER:
        return "Nothing is on record yet that meets it." if is_achieved else "It holds so far."
    if told.kind == AlertKind.CHANGED:
        return _changed(told, deadline)
    assert told.occurred_at is not None
    if told.ended_at is None or told.end_reason is None:
        if not is_achieved:
            since = phrases.in_utc(told.occurred_at)
            return f"Violated since {since}: for {phrases.elapsed(told.occurred_at, as_of, zone)}."
        late = phrases.elapsed(deadline.due_at or told.occurred_at, as_of, zone)
        if deadline.status == Status.PARTLY_MET:
            return f"Part of it was done; the rest is {late} late."
        return f"It is {late} late."
    when = phrases.in_utc(told.ended_at)
    missed = _missed(is_achieved)
    after = f"after it had been {missed}"
    match BreachEnd(told.end_reason):
        case BreachEnd.PERFORMED:
            late = phrases.elapsed(deadline.due_at or told.occurred_at, told.ended_at, zone)
            return f"It was done on {when}: {late} late."
        case BreachEnd.CURED:
            length = phrases.elapsed(told.occurred_at, told.ended_at, zone)
            return f"The violation ended on {when}. It had lasted {length}."
        case BreachEnd.EXTENDED:
            return f"It was extended on {when}, {after}."
        case BreachEnd.RESCHEDULED:
            return f"Its date moved on {when} with what it is counted from, {after}."
        case BreachEnd.WAIVED:
            return f"It was waived on {when}, {after}."
        case BreachEnd.SUSPENDED:
            return f"It was suspended on {when}, {after}."
        case BreachEnd.CANCELLED:
            return f"It was cancelled on {when}, {after}."
        case BreachEnd.TERMINATED:
            return f"It fell away on {when}, when its agreement was terminated, {after}."
        case BreachEnd.WITHDRAWN:
            return "Its due rule was corrected and no longer calls for it."
        case BreachEnd.VOIDED:
            return f"What has been recorded since shows that it was not {missed}."


def _changed(told: _Told, deadline: ToldDeadline) -> str:
    """What holds now of a deadline that was extended, waived and the like."""
    zone = deadline.timezone
    sentences = {
        Reason.WAIVED: "It was waived and need not be done any more.",
        Reason.CANCELLED: "It was cancelled.",
        Reason.TERMINATED: "It fell away when its agreement was terminated.",
        Reason.WITHDRAWN: "Its due rule was corrected and no longer calls for it.",
        Reason.SUSPENDED: "It was suspended.",
        Reason.TARGET_RESTATED: "How much is owed was restated.",
    }
    if told.reason in sentences:
        return sentences[Reason(told.reason)]
    if told.due_at is not None and deadline.due_at is not None and told.due_at != deadline.due_at:
        return (
            f"It is due at {phrases.moment(deadline.due_at, zone)} now, and no more at "
            f"{phrases.moment(told.due_at, zone)} ({zone})."
        )
    if deadline.due_at is not None:
        return f"It is due at {phrases.moment(deadline.due_at, zone)} ({zone})."
    return "When it is due is not known any more."


def _note(told: _Told, deadline: ToldDeadline) -> str:
    if told.end_reason is not None or told.detected_at is None:
        return ""
    if told.silence is not None:
        reason = phrases.shortened(phrases.one_line(told.silence), 300)
        return f"Alerts are held back no more. The reason had been: {reason}"
    flagged = phrases.in_utc(told.detected_at.replace(second=0))
    if not _is_achieved(deadline):
        return f"A violation is on record. Flagged on {flagged}."
    if deadline.verification == "unchecked":
        return f"Flagged by the clock on {flagged}; nobody has confirmed it yet."
    return f"Flagged on {flagged}."


def _evidence(counts: dict[str, int]) -> str:
    total = sum(counts.values())
    if not total:
        return "none on record"
    parts = [f"{counts[stance]} {word}" for stance, word in _STANCES.items() if stance in counts]
    return f"{total:,} on record: {', '.join(parts)}"
