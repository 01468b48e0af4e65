"""Published test vectors for due dates, run through the preview that the API uses.

The sets are stored beside this module, unchanged. Each set has a reader, which converts its cases
to a due rule and the expected preview, so a new case needs no new code. The last part contains our
own cases, which cover what the sets omit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from compliance.domain.civil_time import tzdata_version
from compliance.domain.drafts import read
from compliance.models.people.readers import SYSTEM
from compliance.queries.due_dates.due_rules import PreviewDraft, previewed

NEW_YORK = "America/New_York"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A rule, and its expected results: those values of `answers` that the set states."""

    name: str
    rule: dict[str, Any]
    expected: dict[str, Any]
    limit: int = 50


def answers(rule: dict[str, Any], *, limit: int = 50) -> dict[str, Any]:
    """Return the preview of a rule in the format of the sets."""
    found = previewed(read(PreviewDraft, {"rule": rule, "limit": limit}), reader=SYSTEM)
    answered = {
        "dates": [day.isoformat() for day in found["dates"]],
        "due_at": [_utc(each["due_at"]) for each in found["deadlines"]],
        # The local times in the zone of the rule.
        "local": [each["local"][each["timezone"]][:19] for each in found["deadlines"]],
        "warns_of_clocks": any("clocks " in each.lower() for each in found["warnings"]),
    }
    for name in ("earliest", "latest"):
        answered[name] = found[name] and found[name].isoformat()
        answered[f"{name}_at"] = found[f"{name}_at"] and _utc(found[f"{name}_at"])
    return answered


def _utc(at: datetime) -> str:
    assert at.utcoffset() is not None
    return at.isoformat().replace("+00:00", "Z")


# The sets.


def rrule_rfc5545(content: dict[str, Any]) -> Iterator[Case]:
    for case in content["cases"]:
        dates = case["first_dates"]
        start = datetime.fromisoformat(case["dtstart_local"])
        counted = re.search(r"COUNT=(\d+)", case["rrule"])
        is_whole = counted is not None and int(counted[1]) == len(dates)
        yield Case(
            name=case["id"],
            rule={
                "type": "recurrence",
                "rrule": case["rrule"],
                "start": start.date().isoformat(),
                "time": "09:00",
                "timezone": NEW_YORK,
            },
            expected={"dates": dates, "local": [f"{day}T09:00:00" for day in dates]},
            # For a complete sequence, one more date is requested: there must be none.
            limit=len(dates) + is_whole,
        )


_CONVENTIONS = {
    "Unadjusted": "none",
    "Following": "following",
    "ModifiedFollowing": "modified_following",
    "HalfMonthModifiedFollowing": "half_month_modified_following",
    "Preceding": "preceding",
    "ModifiedPreceding": "modified_preceding",
    "Nearest": "nearest",
}


def business_day_conventions_quantlib(content: dict[str, Any]) -> Iterator[Case]:
    for case in content["cases"]:
        eom = " eom" if case["end_of_month"] else ""
        yield Case(
            name="{convention} {start} {period} {unit}".format_map(case) + eom,
            rule=_offset(
                case["start"],
                abs(case["period"]),
                "business_days" if case["unit"] == "days" else case["unit"],
                direction="before" if case["period"] < 0 else "after",
                end_of_month=case["end_of_month"],
                roll=_CONVENTIONS[case["convention"]],
                calendars=["ZA"],
                timezone="Africa/Johannesburg",
            ),
            expected={"dates": [case["expected"]]},
        )


def legal_periods(content: dict[str, Any]) -> Iterator[Case]:
    frcp, eu = content["frcp6"], content["eu1182_71"]
    for case in frcp["days"]:
        rule = _frcp(
            case["trigger"],
            case["days"],
            direction=case["direction"],
            service_days=3 if case["mail_plus_3_rule_6d"] else 0,
        )
        name = "frcp6 {trigger} {days} days {direction}".format_map(case)
        yield Case(name=name, rule=rule, expected={"dates": [case["expected_last_day"]]})
    for case in frcp["hours"]:
        yield Case(
            name="frcp6 {trigger_local} {hours} hours".format_map(case),
            rule=_offset(
                case["trigger_local"],
                case["hours"],
                "hours",
                method="frcp-6",
                timezone=case["zone"],
            ),
            expected={"local": [_seconds(case["expected_local"])]},
        )
    for case in frcp["ambiguous"]:
        # The last days lie between the readings of an ambiguous case. Its note names them.
        readings = re.findall(r"\d{4}-\d{2}-\d{2}", case["note"])
        yield Case(
            name="frcp6 {trigger} {days} days, ambiguous".format_map(case),
            rule=_frcp(case["trigger"], case["days"]),
            expected={"earliest": min(readings), "latest": max(readings)},
        )
    for case in eu["cases"]:
        unit = "business_days" if case["unit"] == "working_days" else case["unit"]
        yield Case(
            name="eu1182_71 {event} {n} {unit} {direction}".format_map(case),
            rule=_offset(
                case["event"],
                case["n"],
                unit,
                direction=case["direction"],
                method="eu-1182-71",
                calendars=[case["holidays"]],
                timezone="Europe/Berlin",
            ),
            expected={"dates": [case["expected_last_day"]]},
        )
    for case in eu["hours"]:
        yield Case(
            name="eu1182_71 {event_local} {hours} hours".format_map(case),
            rule=_offset(
                case["event_local"],
                case["hours"],
                "hours",
                method="eu-1182-71",
                timezone=case["zone"],
            ),
            expected={"local": [_seconds(case["expected_end_local"])]},
        )
    for case in content["uk_corresponding_date"]:
        yield Case(
            name="uk {event} {months} months".format_map(case),
            rule=_offset(
                case["event"],
                case["months"],
                "months",
                method="corresponding-date",
                timezone="Europe/London",
            ),
            expected={"dates": [case["expected_last_day"]]},
        )


def dst_gap_fold(content: dict[str, Any]) -> Iterator[Case]:
    for case in content["local_times"]:
        first, second = case["utc_fold0"], case["utc_fold1"]
        expected: dict[str, Any]
        if case["kind"] == "normal":
            expected = {"due_at": [first], "earliest_at": None, "latest_at": None}
        else:
            earliest, latest = sorted((first, second))
            expected = {"earliest_at": earliest, "latest_at": latest}
        expected["warns_of_clocks"] = case["kind"] != "normal"
        if case["kind"] == "fold":
            # An act at the second occurrence of the time is still on time.
            expected["due_at"] = [second]
        name = "{zone} {local} {kind}".format_map(case)
        yield Case(name=name, rule=_at(case["local"], case["zone"]), expected=expected)
    for case in content["civil_days"]:
        yield Case(
            name="{zone} {date}".format_map(case),
            rule={"type": "date", "on": case["date"], "timezone": case["zone"]},
            expected={"dates": [case["date"]], "due_at": [case["overdue_from_utc"]]},
        )


def tzdata_change(content: dict[str, Any]) -> Iterator[Case]:
    for case in content["cases"]:
        yield Case(
            name="{zone} {local}".format_map(case),
            rule=_at(case["local"], case["zone"]),
            expected={
                "local": [case["local"]],
                "due_at": [_by_installed_tzdata(case["utc_by_tzdata"])],
            },
        )


def _by_installed_tzdata(by_version: dict[str, str]) -> str:
    """Return the value for the newest version that is not newer than the installed one."""
    installed = _numbers(tzdata_version())
    known = [version for version in by_version if _numbers(version) <= installed]
    if not known:
        return f"nothing: tzdata {tzdata_version()} is older than {', '.join(by_version)}"
    return by_version[max(known, key=_numbers)]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _at(local: str, zone: str) -> dict[str, Any]:
    day, _, clock = local.partition("T")
    return {"type": "date", "on": day, "time": clock, "timezone": zone}


def _offset(start: str, count: int, unit: str, **more: Any) -> dict[str, Any]:
    day, _, clock = start.partition("T")
    anchor = {"date": day, "time": clock} if clock else {"date": day}
    return {"type": "offset", "from": anchor, "count": count, "unit": unit, **more}


def _frcp(start: str, count: int, unit: str = "days", **more: Any) -> dict[str, Any]:
    more = {"calendars": ["US"], "timezone": NEW_YORK, **more}
    return _offset(start, count, unit, method="frcp-6", **more)


def _eu(start: str, count: int, unit: str = "days", **more: Any) -> dict[str, Any]:
    more = {"calendars": ["DE-BY"], "timezone": "Europe/Berlin", **more}
    return _offset(start, count, unit, method="eu-1182-71", **more)


def _seconds(local: str) -> str:
    return datetime.fromisoformat(local).isoformat(timespec="seconds")


SETS: dict[str, Callable[[dict[str, Any]], Iterator[Case]]] = {
    each.__name__: each
    for each in (
        rrule_rfc5545,
        business_day_conventions_quantlib,
        legal_periods,
        dst_gap_fold,
        tzdata_change,
    )
}


# Our own cases, set by set.


def _rfc(rrule: str, start: str, dates: str, **more: Any) -> Case:
    """Return a case; `dates` look like `1997-09: 2 4 9, 1997-10: 2`."""
    months = (month.partition(":") for month in dates.split(", "))
    expected = [f"{month}-{int(day):02}" for month, _, days in months for day in days.split()]
    rule = {"type": "recurrence", "rrule": rrule, "start": start, "timezone": NEW_YORK, **more}
    return Case(name=rrule, rule=rule, expected={"dates": expected}, limit=len(expected))


def _ends(rule: dict[str, Any], last_day: str, why: str) -> Case:
    return Case(name=why, rule=rule, expected={"dates": [last_day]})


def _south_africa(start: str, count: int, unit: str, expected: str, **more: Any) -> Case:
    name = " ".join((start, str(count), unit, more.get("roll", ""), *more.keys() - {"roll"}))
    more = {"calendars": ["ZA"], "timezone": "Africa/Johannesburg", **more}
    direction = "before" if count < 0 else "after"
    rule = _offset(start, abs(count), unit, direction=direction, **more)
    return Case(name=name, rule=rule, expected={"dates": [expected]})


def _clock_change(zone: str, local: str, kind: str, fold0: str, fold1: str) -> dict[str, str]:
    return {"zone": zone, "local": local, "kind": kind, "utc_fold0": fold0, "utc_fold1": fold1}


def _ended(zone: str, day: str, overdue_from: str) -> dict[str, str]:
    return {"zone": zone, "date": day, "overdue_from_utc": overdue_from}


OURS: dict[str, list[Case]] = {
    # The first nine are examples of RFC 5545 too.
    "rrule_rfc5545": [
        _rfc("FREQ=DAILY;INTERVAL=10;COUNT=5", "1997-09-02", "1997-09: 2 12 22, 1997-10: 2 12"),
        _rfc("FREQ=YEARLY;BYDAY=20MO", "1997-05-19", "1997-05: 19, 1998-05: 18, 1999-05: 17"),
        _rfc(
            "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
            "1997-03-13",
            "1997-03: 13 20 27, 1998-03: 5 12 19 26",
        ),
        _rfc(
            "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
            "1997-09-04",
            "1997-09: 4, 1997-10: 7, 1997-11: 6",
        ),
        _rfc(
            "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
            "1997-09-10",
            "1997-09: 10 11 12 13 14 15, 1999-03: 10 11 12 13",
        ),
        _rfc(
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
            "1997-08-05",
            "1997-08: 5 10 19 24",
        ),
        _rfc(
            "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
            "2007-01-15",
            "2007-01: 15 30, 2007-02: 15, 2007-03: 15 30",
        ),
        _rfc(
            "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
            "1997-09-13",
            "1997-09: 13, 1997-10: 11, 1997-11: 8, 1997-12: 13, 1998-01: 10, 1998-02: 7",
        ),
        _rfc(
            "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
            "1997-09-07",
            "1997-09: 7 28, 1997-11: 2 30, 1998-01: 4 25, 1998-03: 1 29, 1998-05: 3 31",
        ),
        _rfc(
            "FREQ=MONTHLY;BYMONTHDAY=31",
            "2026-01-31",
            "2026-01: 31, 2026-02: 28, 2026-03: 31, 2026-04: 30",
            end_of_month=True,
        ),
        _rfc("FREQ=YEARLY;BYWEEKNO=53;BYDAY=FR", "2020-01-01", "2021-01: 1, 2027-01: 1"),
        Case(
            name="a rule ends at the time of its UNTIL, not with that day",
            rule={
                "type": "recurrence",
                "rrule": "FREQ=DAILY;UNTIL=19970904T085959",
                "start": "1997-09-02",
                "time": "09:00",
                "timezone": NEW_YORK,
            },
            expected={"dates": ["1997-09-02", "1997-09-03"]},
        ),
        Case(
            name="an UNTIL in UTC ends the rule at that instant",
            rule={
                "type": "recurrence",
                "rrule": "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
                "start": "1997-09-18",
                "time": "09:00",
                "timezone": NEW_YORK,
            },
            expected={
                "dates": ["1997-09-18", "1997-09-23", "1997-09-25", "1997-09-30", "1997-10-02"]
            },
        ),
        Case(
            name="the last date is that of UNTIL itself",
            rule={
                "type": "recurrence",
                "rrule": "FREQ=DAILY;UNTIL=19970904T090000",
                "start": "1997-09-02",
                "time": "09:00",
                "timezone": NEW_YORK,
            },
            expected={"dates": ["1997-09-02", "1997-09-03", "1997-09-04"]},
        ),
    ],
    # What QuantLib 1.44 gives.
    "business_day_conventions_quantlib": [
        _south_africa("2015-02-03", 4, "business_days", "2015-02-09", roll="following"),
        _south_africa("2015-02-03", -2, "business_days", "2015-01-30", roll="preceding"),
        _south_africa("2015-03-30", 10, "business_days", "2015-04-15"),
        _south_africa("2015-04-03", 0, "business_days", "2015-04-02", roll="nearest"),
        _south_africa("2015-04-04", 0, "days", "2015-04-02", roll="nearest"),
        _south_africa("2015-03-27", 1, "weeks", "2015-04-02", roll="modified_preceding"),
        _south_africa("2015-01-31", 1, "months", "2015-03-02", roll="following"),
        _south_africa("2015-01-31", 1, "months", "2015-02-27", roll="modified_following"),
        _south_africa(
            "2015-01-15", 1, "months", "2015-02-13", roll="half_month_modified_following"
        ),
        _south_africa("2015-03-01", -1, "months", "2015-01-30", roll="preceding"),
        _south_africa("2015-03-01", -1, "months", "2015-02-02", roll="modified_preceding"),
        _south_africa("2015-02-28", 1, "months", "2015-03-31", end_of_month=True),
        _south_africa(
            "2015-04-30", -2, "months", "2015-02-27", roll="preceding", end_of_month=True
        ),
        _south_africa("2016-02-29", 1, "years", "2017-02-28", roll="following", end_of_month=True),
        _south_africa("2012-02-29", -1, "years", "2011-02-28", roll="following"),
    ],
    "legal_periods": [
        _ends(_frcp("2026-05-14", 1), "2026-05-15", "frcp6 a day leaves out that of the event"),
        _ends(_frcp("2026-01-16", 3), "2026-01-20", "frcp6 a Monday holiday after a weekend"),
        _ends(
            _frcp("2026-12-15", 14, direction="before"),
            "2026-12-01",
            "frcp6 back to an open day",
        ),
        _ends(
            _frcp("2026-06-08", 14, direction="before"),
            "2026-05-22",
            "frcp6 back from Memorial Day over the weekend",
        ),
        _ends(
            _frcp("2026-04-23", 30, service_days=3),
            "2026-05-29",
            "frcp6 service days begin where the period would end: after Memorial Day",
        ),
        _ends(
            _frcp("2026-04-07", 30, service_days=3),
            "2026-05-11",
            "frcp6 service days that end on a Sunday continue to Monday",
        ),
        _ends(
            _frcp("2026-01-31", 1, "months"), "2026-03-02", "frcp6 a month that ends on Saturday"
        ),
        _ends(_frcp("2026-05-04", 10, calendars=[]), "2026-05-14", "frcp6 needs no calendar named"),
        Case(
            name="frcp6 hours that end on a Saturday continue to the same time on Monday",
            rule=_frcp("2026-05-14T15:30", 48, "hours", calendars=[]),
            expected={"local": ["2026-05-18T15:30:00"]},
        ),
        Case(
            name="frcp6 a Friday in lieu of a Saturday counts by one reading, counting back too",
            rule=_frcp("2026-07-17", 14, direction="before"),
            expected={"earliest": "2026-07-02", "latest": "2026-07-03"},
        ),
        Case(
            name="frcp6 a Monday in lieu of a Sunday leaves no doubt",
            rule=_frcp("2027-06-21", 14),
            expected={"dates": ["2027-07-06"], "earliest": None, "latest": None},
        ),
        _ends(_eu("2026-04-30", 1), "2026-05-04", "eu1182_71 a day, over May Day and a weekend"),
        _ends(_eu("2026-01-31", 1, "months"), "2026-03-02", "eu1182_71 a month's end on Saturday"),
        _ends(_eu("2024-02-29", 1, "years"), "2025-02-28", "eu1182_71 a year from a leap day"),
        _ends(_eu("2026-12-22", 3), "2026-12-28", "eu1182_71 days that end on Christmas Day"),
        _ends(_eu("2026-12-24", 2), "2026-12-29", "eu1182_71 two working days at least, 3(5)"),
        _ends(
            _eu("2026-05-13", 2, "business_days", calendars=["FR", "DE-BY"]),
            "2026-05-18",
            "eu1182_71 working days of two states joined",
        ),
        Case(
            name="eu1182_71 a full hour's event: that hour is not counted",
            rule=_eu("2026-05-05T09:00", 24, "hours"),
            expected={"local": ["2026-05-06T10:00:00"]},
        ),
        *(
            _ends(
                _offset(
                    start, months, "months", method="corresponding-date", timezone="Europe/London"
                ),
                last_day,
                f"uk {months} months from {start}",
            )
            for start, months, last_day in (
                ("2024-02-29", 12, "2025-02-28"),
                ("2026-08-31", 6, "2027-02-28"),
                ("2026-02-28", 1, "2026-03-28"),
                ("2026-01-01", 1, "2026-02-01"),
            )
        ),
    ],
    "dst_gap_fold": [
        *dst_gap_fold(
            {
                "local_times": [
                    _clock_change(
                        "Antarctica/Troll",  # Two hours at once.
                        "2026-03-29T02:00:00",
                        "gap",
                        "2026-03-29T02:00:00Z",
                        "2026-03-29T00:00:00Z",
                    ),
                    _clock_change(
                        "Pacific/Apia",  # A whole day.
                        "2011-12-30T12:00:00",
                        "gap",
                        "2011-12-30T22:00:00Z",
                        "2011-12-29T22:00:00Z",
                    ),
                    _clock_change(
                        "Africa/Casablanca",  # Back for Ramadan.
                        "2026-02-15T02:30:00",
                        "fold",
                        "2026-02-15T01:30:00Z",
                        "2026-02-15T02:30:00Z",
                    ),
                    _clock_change(
                        "Europe/Dublin",  # The last second of the gap, and the first after it.
                        "2026-03-29T01:59:59",
                        "gap",
                        "2026-03-29T01:59:59Z",
                        "2026-03-29T00:59:59Z",
                    ),
                    _clock_change(
                        "Europe/Dublin",
                        "2026-03-29T02:00:00",
                        "normal",
                        "2026-03-29T01:00:00Z",
                        "2026-03-29T01:00:00Z",
                    ),
                    _clock_change(
                        "America/New_York",  # On either side of the fold.
                        "2026-11-01T00:59:59",
                        "normal",
                        "2026-11-01T04:59:59Z",
                        "2026-11-01T04:59:59Z",
                    ),
                    _clock_change(
                        "America/New_York",
                        "2026-11-01T02:00:00",
                        "normal",
                        "2026-11-01T07:00:00Z",
                        "2026-11-01T07:00:00Z",
                    ),
                ],
                "civil_days": [
                    _ended("Asia/Beirut", "2026-03-28", "2026-03-28T22:00:00Z"),
                    # Midnight comes twice, but the day that it ended does not.
                    _ended("America/Havana", "2025-11-01", "2025-11-02T04:00:00Z"),
                    _ended("Australia/Lord_Howe", "2026-10-04", "2026-10-04T13:00:00Z"),
                    _ended("Pacific/Kiritimati", "2026-12-31", "2026-12-31T10:00:00Z"),
                ],
            }
        ),
    ],
    "tzdata_change": [
        Case(
            name="a day of a zone whose clocks change is kept, whatever instant it ends at",
            rule={"type": "date", "on": "2026-11-15", "timezone": "America/Vancouver"},
            expected={"dates": ["2026-11-15"], "local": ["2026-11-16T00:00:00"]},
        ),
        Case(
            name="so is the local time of every date of a recurrence",
            rule={
                "type": "recurrence",
                "rrule": "FREQ=MONTHLY;BYMONTHDAY=15;COUNT=12",
                "start": "2026-06-15",
                "time": "17:00",
                "timezone": "America/Vancouver",
            },
            expected={
                "local": [f"2026-{month:02}-15T17:00:00" for month in range(6, 13)]
                + [f"2027-{month:02}-15T17:00:00" for month in range(1, 6)],
            },
        ),
    ],
}


def _parameters() -> Iterator[Any]:
    folder = Path(__file__).parent
    files = {path.stem for path in folder.glob("*.json")}
    assert files == set(SETS), "every set has a reader"
    for name, reader in SETS.items():
        content = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for case in reader(content):
            yield pytest.param(case, id=f"{name}: {case.name}")
        for case in OURS[name]:
            yield pytest.param(case, id=f"{name}, ours: {case.name}")


@pytest.mark.django_db
@pytest.mark.parametrize("case", [*_parameters()])
def test_the_preview_of_a_rule_matches_its_vector(case: Case) -> None:
    answered = answers(case.rule, limit=case.limit)
    assert {name: answered[name] for name in case.expected} == case.expected
