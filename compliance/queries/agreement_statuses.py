"""The status of agreements in SQL, and the conditions that lists derive from it.

States the same as `domain.agreements.statuses.agreement_status`. The few facts about whole
agreements are reduced in Python, because a superseding fact can itself be superseded; everything
else is one expression over the columns of the agreement.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from django.db.models import CharField
from django.db.models.expressions import RawSQL

from compliance.domain.agreements.statuses import NO_STOP, Stop, stop_at
from compliance.domain.civil_time import civil_day, displayed_zone_name
from compliance.domain.deadlines.facts import Fact as DomainFact
from compliance.domain.vocabulary import AgreementStatus
from compliance.models import Fact
from compliance.models.deadlines.fact_values import fact_of
from compliance.queries.rows import Row, Where, fetch

# An expression over `a`, and over `said`, `today`, `stop` and `archive`, which `STATUS_JOINS` adds:
# `said` has the dates that were known then of agreements that were corrected since.
STATUS = """
CASE WHEN archive.is_known THEN 'archived'
     WHEN stop.terminated_on <= coalesce(said.ends_on, 'infinity') THEN 'terminated'
     WHEN said.ends_on < today.is_on THEN 'expired'
     WHEN coalesce(said.in_force_on, said.signed_on, today.is_on) > today.is_on THEN 'draft'
     WHEN stop.is_suspended THEN 'suspended'
     ELSE 'in_force' END
"""
STATUS_JOINS = """
LEFT JOIN unnest(%(corrected)s::bigint[], %(signed_on)s::date[], %(in_force_on)s::date[],
            %(ends_on)s::date[], %(timezones)s::text[])
       AS former(agreement_id, signed_on, in_force_on, ends_on, timezone)
  ON former.agreement_id = a.id
CROSS JOIN LATERAL (SELECT
    CASE WHEN former.agreement_id IS NULL THEN a.signed_on ELSE former.signed_on END AS signed_on,
    CASE WHEN former.agreement_id IS NULL THEN a.in_force_on ELSE former.in_force_on END
        AS in_force_on,
    CASE WHEN former.agreement_id IS NULL THEN a.ends_on ELSE former.ends_on END AS ends_on,
    CASE WHEN former.agreement_id IS NULL THEN a.timezone ELSE former.timezone END AS timezone
) AS said
JOIN unnest(%(zones)s::text[], %(days)s::date[]) AS today(zone, is_on)
  ON today.zone = coalesce(said.timezone, 'UTC')
LEFT JOIN unnest(%(stopped)s::bigint[], %(terminated_on)s::date[], %(suspended)s::boolean[])
       AS stop(agreement_id, terminated_on, is_suspended) ON stop.agreement_id = a.id
CROSS JOIN LATERAL (
    SELECT a.archived_at <= coalesce(%(archive_known_at)s::timestamptz, 'infinity') AS is_known
) AS archive
"""

_ARCHIVED = "SELECT id FROM compliance_agreement WHERE archived_at IS NOT NULL"


def hide_archived(where: Where, *, agreement: str, known_at: datetime | None = None) -> None:
    """Leave out rows of the agreements that were archived at `known_at`, by default now.

    Args:
        agreement: the column with the agreement's id.
    """
    # A join would need the agreement of each row; there are few archived ones, if any.
    if known_at is None:
        where.add(f"{agreement} NOT IN ({_ARCHIVED})")
    else:
        then = f"{_ARCHIVED} AND archived_at <= %(archive_known_at)s"
        where.add(f"{agreement} NOT IN ({then})", archive_known_at=known_at)


def status_values(*, as_of: datetime, known_at: datetime | None = None) -> dict[str, Any]:
    """Return the values of `STATUS_JOINS` at `as_of`, as known at `known_at` (by default now)."""
    # By our zone data, not the server's.
    named = fetch(("SELECT DISTINCT timezone AS zone FROM compliance_agreement",), {})
    days = {"UTC": as_of.astimezone(UTC).date()}
    former = _former(known_at)
    zones = [zone for each in (*named, *former) if (zone := each["zone"])]
    days |= {zone: civil_day(as_of, displayed_zone_name(zone)) for zone in zones}
    stops = _stops(as_of, known_at)
    return {
        "archive_known_at": known_at,
        "zones": list(days),
        "days": list(days.values()),
        "corrected": [each["id"] for each in former],
        "signed_on": [each["signed_on"] for each in former],
        "in_force_on": [each["in_force_on"] for each in former],
        "ends_on": [each["ends_on"] for each in former],
        "timezones": [each["zone"] for each in former],
        "stopped": list(stops),
        "terminated_on": [each.terminated_on for each in stops.values()],
        "suspended": [each.is_suspended for each in stops.values()],
    }


def add_agreement_status(
    where: Where,
    wanted: Collection[AgreementStatus] | None,
    *,
    agreement: str,
    as_of: datetime,
    known_at: datetime | None = None,
) -> None:
    """Require the status of a row's agreement. Without a status, only leave out archived ones.

    The agreements are listed in the statement, so that the planner knows how many rows to expect:
    most deadlines if they are in force, or almost none if they are suspended.

    Args:
        agreement: the column with the agreement's id.
    """
    if wanted is None or AgreementStatus.ARCHIVED not in wanted:
        hide_archived(where, agreement=agreement, known_at=known_at)
    if wanted is None:
        return
    chosen, others = _divided(wanted, as_of=as_of, known_at=known_at)
    if len(others) < len(chosen):
        where.add(f"{agreement} <> ALL(%(other_agreements)s::bigint[])", other_agreements=others)
    else:
        where.add(f"{agreement} = ANY(%(agreements)s::bigint[])", agreements=chosen)


def status_expression(*, as_of: datetime) -> RawSQL:
    """Return the status of the agreements of a queryset."""
    values = status_values(as_of=as_of)
    names = _NAMED.findall(STATUS_JOINS)
    statement = f"""
        (SELECT {STATUS} FROM compliance_agreement AS a {_NAMED.sub("%s", STATUS_JOINS)}
         WHERE a.id = compliance_agreement.id)"""
    return RawSQL(  # noqa: S611  the values are parameters
        statement, [values[name] for name in names], output_field=CharField()
    )


_NAMED = re.compile(r"%\((\w+)\)s")


def agreement_ids(wanted: Collection[AgreementStatus], *, as_of: datetime) -> list[int]:
    """Return the ids of the agreements with one of these statuses."""
    return _divided(wanted, as_of=as_of, known_at=None)[0]


def agreement_status_of(
    deadline_id: int, *, as_of: datetime, known_at: datetime | None = None
) -> str | None:
    """Return the status of the agreement of a deadline, or None if there is no such deadline."""
    values = {**status_values(as_of=as_of, known_at=known_at), "deadline": deadline_id}
    rows = fetch((_OF_DEADLINE,), values)
    return rows[0]["status"] if rows else None


_OF_DEADLINE = f"""
SELECT {STATUS} AS status
FROM compliance_deadline AS d JOIN compliance_agreement AS a ON a.id = d.agreement_id
{STATUS_JOINS}
WHERE d.id = %(deadline)s
"""


def _divided(
    wanted: Collection[AgreementStatus], *, as_of: datetime, known_at: datetime | None
) -> tuple[list[int], list[int]]:
    """Return the ids of the agreements with one of these statuses, and those of all others."""
    values = {**status_values(as_of=as_of, known_at=known_at), "wanted": list(wanted)}
    rows = fetch((_BY_STATUS,), values)
    return (
        [row["id"] for row in rows if row["is_wanted"]],
        [row["id"] for row in rows if not row["is_wanted"]],
    )


_BY_STATUS = f"""
SELECT a.id, {STATUS} = ANY(%(wanted)s::text[]) AS is_wanted
FROM compliance_agreement AS a {STATUS_JOINS} ORDER BY a.id
"""


def _former(known_at: datetime | None) -> list[Row]:
    """Return the dates and zones known at `known_at` of the agreements corrected since."""
    return [] if known_at is None else fetch((_FORMER,), {"known_at": known_at})


_FORMER = """
SELECT DISTINCT ON (c.agreement_id) c.agreement_id AS id, c.before ->> 'timezone' AS zone,
    (c.before ->> 'signed_on')::date AS signed_on,
    (c.before ->> 'in_force_on')::date AS in_force_on, (c.before ->> 'ends_on')::date AS ends_on
FROM compliance_correction AS c
WHERE c.agreement_id IS NOT NULL AND c.recorded_at > %(known_at)s
ORDER BY c.agreement_id, c.recorded_at, c.id
"""


def _stops(as_of: datetime, known_at: datetime | None) -> dict[int, Stop]:
    """Return the agreements that are terminated or suspended, by id."""
    facts = Fact.objects.filter(agreement__isnull=False)
    if known_at is not None:
        facts = facts.filter(recorded_at__lte=known_at)
    zones = dict(facts.values_list("agreement_id", "agreement__timezone"))
    found: dict[int, list[DomainFact]] = defaultdict(list)
    names = {pk: displayed_zone_name(zone or "UTC") for pk, zone in zones.items()}
    for row in facts.values():
        pk = row["agreement_id"]
        found[pk].append(fact_of(row, names[pk]))
    stops = {pk: stop_at(each, as_of=as_of, timezone=names[pk]) for pk, each in found.items()}
    return {pk: stop for pk, stop in stops.items() if stop != NO_STOP}
