"""Parsing of recurrence rules (RRULE) of RFC 5545, for civil days.

A rule is the value of an RRULE property that repeats daily or less often, such as
`FREQ=MONTHLY;BYMONTHDAY=15`. `recurrences` computes its days.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, time
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache

LONGEST_RRULE = 500

_EXAMPLE = "'FREQ=MONTHLY;BYMONTHDAY=15'"
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_SIGNED_NUMBER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_BYDAY = re.compile(rf"([+-]?[0-9]{{1,2}})?({'|'.join(_WEEKDAYS)})", re.ASCII)
_UNTIL = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9]|60)Z?)?",
    re.ASCII,
)
_OTHER_LINE = re.compile(r"(DTSTART|DTEND|EXRULE|EXDATE|RDATE|BEGIN)[:;]", re.ASCII)
_PARTS = (
    "FREQ", "INTERVAL", "COUNT", "UNTIL", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYDAY",
    "BYSETPOS", "WKST",
)  # fmt: skip
_TIME_PARTS = ("BYHOUR", "BYMINUTE", "BYSECOND")
_SUB_DAILY = ("HOURLY", "MINUTELY", "SECONDLY")
# A longer text is not a misspelled part name.
_LONGEST_GUESS = 64
# No calendar has as many days.
_LONGEST_NUMBER = 9


class BadRecurrence(ValueError):
    """A text that is not a valid recurrence rule, or one that is not supported."""


class Frequency(StrEnum):
    """The period by which a rule repeats."""

    YEARLY = "YEARLY"
    MONTHLY = "MONTHLY"
    WEEKLY = "WEEKLY"
    DAILY = "DAILY"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recurrence:
    """A recurrence rule that repeats daily or more slowly.

    Numbers are sorted and without duplicates; negative ones count from the end. Weekdays are
    numbered from Monday as 0. `nth_weekdays` are pairs of weekday and number: (4, -1) is the last
    Friday of the month in a monthly rule or a rule with `months`, and otherwise of the year.
    `until` is the day of UNTIL as written and `until_clock` its time of day, if it has one; that
    is in UTC if `is_until_utc`, and otherwise local.
    """

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: date | None = None
    until_clock: time | None = None
    is_until_utc: bool = False
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    weeks: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    nth_weekdays: tuple[tuple[int, int], ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0


@lru_cache(maxsize=1024)
def parse_rrule(text: str) -> Recurrence:
    """Return the recurrence that an RRULE of RFC 5545 describes; a leading `RRULE:` is optional.

    Case does not matter. UNTIL may be a day, a local time or a UTC time.

    Raises:
        BadRecurrence: the rule cannot be read, repeats within a day, or has a combination that
            the RFC forbids: COUNT with UNTIL, BYMONTHDAY in a weekly rule, BYYEARDAY or BYWEEKNO
            outside a yearly rule, numbered weekdays in a weekly or daily rule, or BYSETPOS alone.
    """
    parts = _parts(text)
    frequency = _frequency(parts)
    weekdays, nth_weekdays = _byday(parts)
    _check_companions(parts, frequency, has_nth_weekdays=bool(nth_weekdays))
    return Recurrence(
        frequency=frequency,
        interval=_positive(parts, "INTERVAL") or 1,
        count=_positive(parts, "COUNT"),
        until=_until(parts),
        until_clock=_until_clock(parts),
        is_until_utc=parts.get("UNTIL", "").endswith("Z"),
        months=_numbers(parts, "BYMONTH", 12, signed=False),
        month_days=_numbers(parts, "BYMONTHDAY", 31),
        year_days=_numbers(parts, "BYYEARDAY", 366),
        weeks=_numbers(parts, "BYWEEKNO", 53),
        weekdays=weekdays,
        nth_weekdays=nth_weekdays,
        positions=_numbers(parts, "BYSETPOS", 366),
        week_start=_week_start(parts),
    )


def _parts(text: str) -> dict[str, str]:
    """Return the parts of the rule by name, in upper case."""
    if len(text) > LONGEST_RRULE:
        raise BadRecurrence(
            f"The recurrence rule has {len(text)} characters; at most {LONGEST_RRULE} are "
            "allowed. Shorten its lists, or split it into several rules."
        )
    rule = text.strip().upper() if text.isascii() else text.strip()
    lines = rule.splitlines()
    if len(lines) > 1 or _OTHER_LINE.match(rule):
        raise BadRecurrence(
            "Give only the RRULE, without other calendar lines: "
            "the day of DTSTART belongs in 'start'."
        )
    rule = rule.removeprefix("RRULE:")
    if not rule:
        raise BadRecurrence(f"The recurrence rule is empty. Give an RRULE such as {_EXAMPLE}.")
    parts: dict[str, str] = {}
    for part in rule.split(";"):
        name, equals, value = part.partition("=")
        if not part:
            raise BadRecurrence("The recurrence rule has an empty part. Remove the extra ';'.")
        if not equals:
            raise BadRecurrence(
                f"{_shown(part)} is not a valid part of an RRULE. "
                f"Write each part as NAME=VALUE, as in {_EXAMPLE}."
            )
        if name not in _PARTS:
            raise BadRecurrence(_unknown_part(name))
        if name in parts:
            hint = "Give one list, such as BYDAY=MO,WE." if name[:2] == "BY" else "Give it once."
            raise BadRecurrence(f"{name} is given more than once. {hint}")
        parts[name] = value
    return parts


def _unknown_part(name: str) -> str:
    if name in _TIME_PARTS:
        return (
            f"{name} is not supported, because a recurrence yields days. "
            "Remove it, and give the time of day in 'time'."
        )
    if name == "SKIP":
        return (
            "SKIP is not supported. Remove it; to use the last day of months that are too short, "
            "set 'end_of_month'."
        )
    if name == "RSCALE":
        return "RSCALE is not supported, because days follow the Gregorian calendar. Remove it."
    if name == "DTSTART":
        return "DTSTART is not part of an RRULE. Give its day in 'start'."
    advice = f"Use {', '.join(_PARTS)}."
    if len(name) <= _LONGEST_GUESS and (near := get_close_matches(name.strip(), _PARTS, n=1)):
        advice = f"Did you mean {near[0]}?"
    return f"{_shown(name)} is not a valid part of an RRULE. {advice}"


def _frequency(parts: dict[str, str]) -> Frequency:
    value = parts.get("FREQ")
    advice = f"Use {', '.join(Frequency)}."
    if value is None:
        raise BadRecurrence(f"The recurrence rule has no FREQ. {advice}")
    if value in _SUB_DAILY:
        raise BadRecurrence(
            f"FREQ={value} repeats within a day, which is not supported. "
            "Use FREQ=DAILY or slower, and give the time of day in 'time'."
        )
    if value not in set(Frequency):
        raise BadRecurrence(f"FREQ cannot be {_shown(value)}. {advice}")
    return Frequency(value)


def _check_companions(
    parts: dict[str, str], frequency: Frequency, *, has_nth_weekdays: bool
) -> None:
    """Reject combinations of parts that RFC 5545 forbids."""
    if "COUNT" in parts and "UNTIL" in parts:
        raise BadRecurrence("COUNT and UNTIL cannot be used together. Remove one of them.")
    if "BYMONTHDAY" in parts and frequency is Frequency.WEEKLY:
        raise BadRecurrence(
            "BYMONTHDAY cannot be used with FREQ=WEEKLY. "
            "Use FREQ=MONTHLY, with BYDAY to restrict it to certain weekdays."
        )
    for name in ("BYYEARDAY", "BYWEEKNO"):
        if name in parts and frequency is not Frequency.YEARLY:
            raise BadRecurrence(f"{name} cannot be used with FREQ={frequency}. Use FREQ=YEARLY.")
    if has_nth_weekdays and frequency in {Frequency.WEEKLY, Frequency.DAILY}:
        raise BadRecurrence(
            f"Numbered weekdays such as 1MO cannot be used with FREQ={frequency}. "
            "Use FREQ=MONTHLY or FREQ=YEARLY, or weekdays without a number."
        )
    if has_nth_weekdays and "BYWEEKNO" in parts:
        raise BadRecurrence(
            "Numbered weekdays such as 1MO cannot be used with BYWEEKNO, because each week has "
            "every weekday only once. Remove the number or BYWEEKNO."
        )
    if "BYSETPOS" in parts and not any(name[:2] == "BY" for name in parts if name != "BYSETPOS"):
        raise BadRecurrence(
            "BYSETPOS needs another BY part to choose from, "
            "as in 'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1'."
        )


def _positive(parts: dict[str, str], name: str) -> int | None:
    value = parts.get(name)
    if value is None:
        return None
    if not _NUMBER.fullmatch(value) or not value.lstrip("0"):
        raise BadRecurrence(
            f"{name} cannot be {_shown(value)}. Give a whole number from 1, such as {name}=2."
        )
    if len(value) > _LONGEST_NUMBER:
        raise BadRecurrence(
            f"{name} has {len(value)} digits; at most {_LONGEST_NUMBER} are accepted. "
            "Give a smaller number."
        )
    return int(value)


def _numbers(
    parts: dict[str, str], name: str, most: int, *, signed: bool = True
) -> tuple[int, ...]:
    if name not in parts:
        return ()
    form = _SIGNED_NUMBER if signed else _NUMBER
    numbers = set()
    for value in parts[name].split(","):
        if not form.fullmatch(value) or not 1 <= abs(int(value)) <= most:
            ranges = f"1 to {most}" + (f", or -{most} to -1 from the end" if signed else "")
            raise BadRecurrence(
                f"{name} cannot be {_shown(value)}. Give numbers from {ranges}, "
                "separated by commas."
            )
        numbers.add(int(value))
    return tuple(sorted(numbers))


def _byday(parts: dict[str, str]) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Return the weekdays of BYDAY without a number, and those with a number."""
    if "BYDAY" not in parts:
        return (), ()
    plain, numbered = set(), set()
    for value in parts["BYDAY"].split(","):
        found = _BYDAY.fullmatch(value)
        number = int(found[1] or 1) if found else 0
        if not found or not 1 <= abs(number) <= 53:
            raise BadRecurrence(
                f"BYDAY cannot be {_shown(value)}. Give weekdays ({', '.join(_WEEKDAYS)}) "
                "separated by commas; each may have a number from 1 to 53 or -53 to -1 before it, "
                "as in -1FR for the last Friday."
            )
        weekday = _WEEKDAYS.index(found[2])
        if found[1]:
            numbered.add((weekday, number))
        else:
            plain.add(weekday)
    return tuple(sorted(plain)), tuple(sorted(numbered))


def _until(parts: dict[str, str]) -> date | None:
    value = parts.get("UNTIL")
    if value is None:
        return None
    if found := _UNTIL.fullmatch(value):
        with suppress(ValueError):
            return date(int(found[1]), int(found[2]), int(found[3]))
    raise BadRecurrence(
        f"UNTIL cannot be {_shown(value)}. Give a day such as UNTIL=20271231, "
        "or a time such as UNTIL=20271231T235959Z."
    )


def _until_clock(parts: dict[str, str]) -> time | None:
    _, _, clock = parts.get("UNTIL", "").partition("T")
    return time.fromisoformat(clock.removesuffix("Z")) if clock else None


def _week_start(parts: dict[str, str]) -> int:
    value = parts.get("WKST", "MO")
    if value not in _WEEKDAYS:
        raise BadRecurrence(f"WKST cannot be {_shown(value)}. Use one of {', '.join(_WEEKDAYS)}.")
    return _WEEKDAYS.index(value)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_GUESS else text[:_LONGEST_GUESS] + "…")
