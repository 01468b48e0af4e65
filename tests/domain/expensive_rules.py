"""Recurrence rules that crashed other programs, or that require as much work as possible.

Collected from public bug reports and test suites of calendar programs, restated with what each
did there. Every entry is (the rule, its DTSTART, what it is for).
"""

from __future__ import annotations

from datetime import date

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def _up_to(last: int, *, first: int = 1) -> str:
    return ",".join(str(number) for number in range(first, last + 1))


# Rules that are refused: deadlines repeat daily at most, a rule has one end and one length, and its
# numbers have at most nine digits.
REFUSED = (
    (
        "FREQ=DAILY;COUNT=1000000000",
        date(2026, 1, 1),
        "Radicale #2188: 32 bytes that cost an hour of processor time",
    ),
    (
        f"FREQ=DAILY;COUNT={'9' * 480}",
        date(2026, 9, 1),
        "a count that no machine word holds",
    ),
    (
        f"FREQ=YEARLY;INTERVAL={'9' * 475}",
        date(1900, 1, 1),
        "an interval that no machine word holds",
    ),
    (
        "FREQ=DAILY;INTERVAL=1000000000",
        date(2026, 10, 20),
        "ical.js: walked the thousand million days one by one, 97 seconds a step",
    ),
    (
        "FREQ=SECONDLY;INTERVAL=1",
        date(2015, 4, 6),
        "sabre/vobject #220: an event every second, forever",
    ),
    (
        "FREQ=SECONDLY;UNTIL=21260101T000000Z",
        date(2026, 1, 1),
        "RFC 4791, section 11: every second for a century, three thousand million times",
    ),
    (
        "FREQ=SECONDLY;COUNT=1000000000000",
        date(2020, 1, 1),
        "drills for calendar imports: a million million seconds",
    ),
    (
        "FREQ=MINUTELY",
        date(1970, 1, 1),
        "python-dateutil #1094: every minute, each of them excluded again, for hours",
    ),
    (
        "DTSTART:19700101T010000\nRRULE:FREQ=MINUTELY\nEXRULE:FREQ=MINUTELY",
        date(1970, 1, 1),
        "the same, as the lines of a calendar",
    ),
    (
        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=29",
        date(2026, 10, 20),
        "ical.js: three quarters of a million steps to the first one",
    ),
    (
        "FREQ=HOURLY;BYMONTH=4;BYMONTHDAY=31",
        date(2026, 10, 20),
        "ical.js: searched for ever for 31 April",
    ),
    (
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        date(2026, 1, 1),
        "a PHP parser's suite: 30 February, second by second",
    ),
    (
        "FREQ=MINUTELY;BYSETPOS=-366;BYDAY=MO",
        date(2026, 1, 1),
        "a PHP parser's suite: a position that no minute has",
    ),
    (
        f"FREQ=DAILY;BYHOUR={_up_to(23, first=0)};BYMINUTE={_up_to(59, first=0)}"
        f";BYSECOND={_up_to(59, first=0)}",
        date(2026, 1, 1),
        "a PHP parser's suite: every second written out, 86,400 a day",
    ),
    (
        "FREQ=MONTHLY;INTERVAL=0;BYHOUR=0;BYDAY=MO;BYMONTHDAY=1;UNTIL=20261231T200000Z",
        date(2022, 12, 5),
        "python-dateutil #1441: an interval of 0 never advances",
    ),
    ("FREQ=DAILY;INTERVAL=0", date(2026, 9, 1), "the same, plain"),
    (
        f"FREQ=DAILY;COUNT={'9' * 5000}",
        date(2026, 9, 1),
        "a feed reader's suite: a number of five thousand digits",
    ),
    ("FREQ=DAILY;BYDAY=5MO", date(2026, 10, 20), "ical.js: the fifth Monday of each day"),
    (
        f"FREQ=YEARLY;BYYEARDAY={_up_to(366)}",
        date(2026, 1, 1),
        "the longest list of the RFC, 1,500 characters",
    ),
    (
        f"FREQ=YEARLY;BYDAY={','.join(f'{n}{day}' for n in range(1, 54) for day in WEEKDAYS)}",
        date(2026, 1, 1),
        "every numbered weekday of a year",
    ),
)

# Valid rules, whose days are computed only as far as they are requested.
HARMLESS = (
    (
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;INTERVAL=1;COUNT=999999999",
        date(2026, 9, 1),
        "a feed reader's suite: each day of each week, a thousand million times",
    ),
    (
        "FREQ=DAILY;UNTIL=99991231T235959Z",
        date(2026, 9, 1),
        "a feed reader's suite: every day until the last that a date can hold",
    ),
    (
        "FREQ=YEARLY;INTERVAL=999999999;COUNT=999999999",
        date(2026, 1, 1),
        "a PHP parser's suite: a step past the end of time, often",
    ),
    ("FREQ=WEEKLY;INTERVAL=999999999;BYDAY=MO", date(2026, 1, 1), "a step past the end of time"),
    ("FREQ=MONTHLY;INTERVAL=999999999;BYMONTHDAY=31", date(2026, 1, 1), "the same, by months"),
    (
        "FREQ=DAILY;INTERVAL=36600;BYMONTH=2;BYMONTHDAY=29",
        date(2026, 10, 20),
        "ical.js: 29 February, a century at a step",
    ),
    (
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        date(2026, 10, 19),
        "ical.js: Tuesdays among every seventh day from a Monday",
    ),
    ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", date(2026, 10, 20), "ical.js: 30 February, day by day"),
    ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31", date(1900, 1, 1), "31 February, day by day"),
    (
        "FREQ=YEARLY;COUNT=2;BYMONTH=2",
        date(1941, 1, 31),
        "libical #188: 31 February by way of the start, forever",
    ),
    (
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYDAY=MO,TU,WE,TH,FR,SA,SU",
        date(2026, 10, 20),
        "ical.js, sabre/vobject #329: 30 February, whatever the weekday",
    ),
    (
        "FREQ=YEARLY;BYDAY=4TH;BYMONTHDAY=24",
        date(2011, 11, 24),
        "libical #140: the fourth Thursday of the year on a 24th, which made it hang",
    ),
    (
        "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYYEARDAY=1;BYMONTHDAY=31;BYMONTH=2",
        date(2026, 1, 1),
        "a PHP parser's suite: every part contradicts another",
    ),
    (
        "FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=1;BYSETPOS=366",
        date(1900, 1, 1),
        "a position that no month has",
    ),
    (
        "FREQ=WEEKLY;BYMONTH=2;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=8",
        date(1900, 1, 1),
        "a position that no week has",
    ),
    (
        "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=2",
        date(1900, 1, 1),
        "a position that no day has",
    ),
    (
        "FREQ=YEARLY;BYYEARDAY=366;BYMONTHDAY=30",
        date(1900, 1, 1),
        "the last day of a leap year, as a 30th",
    ),
    (
        "FREQ=YEARLY;BYWEEKNO=53,-53;BYMONTH=6;BYDAY=SU;WKST=SU",
        date(1900, 1, 1),
        "the fifty-third week, in June",
    ),
    (
        f"FREQ=YEARLY;BYMONTH={_up_to(12)};BYMONTHDAY={_up_to(31)};BYWEEKNO={_up_to(53)}"
        f";BYDAY={','.join(WEEKDAYS)};BYSETPOS={_up_to(22)}",
        date(1900, 1, 1),
        "lists as full as the longest rule allows",
    ),
    (
        f"FREQ=YEARLY;BYMONTH={_up_to(12)};BYMONTHDAY={_up_to(31)};BYDAY={','.join(WEEKDAYS)}"
        ";BYSETPOS=366",
        date(1900, 1, 1),
        "all days of a year, for the last of a leap year",
    ),
    (
        f"FREQ=MONTHLY;BYMONTHDAY={_up_to(31)};BYDAY={','.join(WEEKDAYS)};BYSETPOS={_up_to(31)}",
        date(1900, 1, 1),
        "every day, by choosing each of every month",
    ),
    (
        f"FREQ=DAILY;BYMONTH={_up_to(12)};BYMONTHDAY={_up_to(31)};BYDAY={','.join(WEEKDAYS)}",
        date(1900, 1, 1),
        "every day, checked three times",
    ),
)
