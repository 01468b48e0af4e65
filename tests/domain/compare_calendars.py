"""Comparison of every calendar with independent sources: QuantLib, and workalendar if installed.

`python -m tests.domain.compare_calendars` prints every difference. workalendar is not among the
development tools, because it needs lunardate, which is under the GPL; install it in an environment
of its own, and set PYTHONPATH to its packages. The explanations are in docs/business-days.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import QuantLib
from holidays.registry import COUNTRIES

from compliance.domain.due_dates import local_holidays, public_holidays
from compliance.domain.due_dates.calendar_names import UnknownCalendar, validate_calendar
from compliance.domain.due_dates.local_holidays import Extent

YEARS = range(2019, 2027)

# Ours, and the calendar of QuantLib that means the same, or comes closest.
QUANTLIB: dict[str, Any] = {
    "AR": QuantLib.Argentina(),
    "AT": QuantLib.Austria(QuantLib.Austria.Settlement),
    "AU": QuantLib.Australia(QuantLib.Australia.Settlement),
    "BR": QuantLib.Brazil(QuantLib.Brazil.Settlement),
    "BW": QuantLib.Botswana(),
    "CA": QuantLib.Canada(QuantLib.Canada.Settlement),
    "CH": QuantLib.Switzerland(),
    "CL": QuantLib.Chile(),
    "CN": QuantLib.China(QuantLib.China.IB),
    "CZ": QuantLib.CzechRepublic(),
    "DE": QuantLib.Germany(QuantLib.Germany.Settlement),
    "DK": QuantLib.Denmark(),
    "FI": QuantLib.Finland(),
    "FR": QuantLib.France(QuantLib.France.Settlement),
    "GB-ENG": QuantLib.UnitedKingdom(QuantLib.UnitedKingdom.Settlement),
    "HK": QuantLib.HongKong(),
    "HR": QuantLib.Croatia(),
    "HU": QuantLib.Hungary(),
    "ID": QuantLib.Indonesia(),
    "IL": QuantLib.Israel(QuantLib.Israel.Settlement),
    "IN": QuantLib.India(),
    "IS": QuantLib.Iceland(),
    "IT": QuantLib.Italy(QuantLib.Italy.Settlement),
    "JP": QuantLib.Japan(),
    "KR": QuantLib.SouthKorea(QuantLib.SouthKorea.Settlement),
    "ME": QuantLib.Montenegro(),
    "MK": QuantLib.NorthMacedonia(),
    "MT": QuantLib.Malta(),
    "MX": QuantLib.Mexico(),
    "MY": QuantLib.Malaysia(),
    "NO": QuantLib.Norway(),
    "NZ": QuantLib.NewZealand(QuantLib.NewZealand.Wellington),
    "PH": QuantLib.Philippines(),
    "PL": QuantLib.Poland(QuantLib.Poland.Settlement),
    "RO": QuantLib.Romania(QuantLib.Romania.Public),
    "RS": QuantLib.Serbia(),
    "RU": QuantLib.Russia(QuantLib.Russia.Settlement),
    "SA": QuantLib.SaudiArabia(),
    "SE": QuantLib.Sweden(),
    "SG": QuantLib.Singapore(),
    "SI": QuantLib.Slovenia(),
    "SK": QuantLib.Slovakia(),
    "TH": QuantLib.Thailand(),
    "TR": QuantLib.Turkey(),
    "TW": QuantLib.Taiwan(),
    "UA": QuantLib.Ukraine(),
    "US": QuantLib.UnitedStates(QuantLib.UnitedStates.FederalReserve),
    "UZ": QuantLib.Uzbekistan(),
    "ZA": QuantLib.SouthAfrica(),
    "ASX": QuantLib.Australia(QuantLib.Australia.ASX),
    "B3": QuantLib.Brazil(QuantLib.Brazil.Exchange),
    "BIST": QuantLib.Turkey(),
    "BMV": QuantLib.Mexico(),
    "FED": QuantLib.UnitedStates(QuantLib.UnitedStates.FederalReserve),
    "GPW": QuantLib.Poland(QuantLib.Poland.WSE),
    "HKEX": QuantLib.HongKong(),
    "JPX": QuantLib.Japan(),
    "JSE": QuantLib.SouthAfrica(),
    "KRX": QuantLib.SouthKorea(QuantLib.SouthKorea.KRX),
    "LSE": QuantLib.UnitedKingdom(QuantLib.UnitedKingdom.Exchange),
    "NSE": QuantLib.India(),
    "NYSE": QuantLib.UnitedStates(QuantLib.UnitedStates.NYSE),
    "NZX": QuantLib.NewZealand(QuantLib.NewZealand.Wellington),
    "SGX": QuantLib.Singapore(),
    "SIX": QuantLib.Switzerland(),
    "SSE": QuantLib.China(QuantLib.China.SSE),
    "TARGET": QuantLib.TARGET(),
    "TSX": QuantLib.Canada(QuantLib.Canada.TSX),
    "TWSE": QuantLib.Taiwan(),
    "USGS": QuantLib.UnitedStates(QuantLib.UnitedStates.GovernmentBond),
    "XETR": QuantLib.Germany(QuantLib.Germany.Xetra),
    "XMIL": QuantLib.Italy(QuantLib.Italy.Exchange),
    "XPAR": QuantLib.France(QuantLib.France.Exchange),
    "XSAU": QuantLib.SaudiArabia(),
}  # fmt: skip

IsClosed = Callable[[date], bool]


@dataclass(kw_only=True, slots=True)
class Difference:
    """The days that only one of the two sources closes, by the name of the holiday.

    A day that is closed in only part of our calendar's area agrees with either answer.
    """

    name: str
    ours: dict[str, list[date]] = field(default_factory=dict)
    theirs: dict[str, list[date]] = field(default_factory=dict)

    @property
    def counts(self) -> tuple[int, int]:
        """The number of days that only we close, and that only the other source closes."""
        return sum(map(len, self.ours.values())), sum(map(len, self.theirs.values()))


def compare(name: str, is_closed: IsClosed, title: Callable[[date], str]) -> Difference:
    """Return how a calendar differs from an independent source in `YEARS`."""
    found = Difference(name=name)
    for year in YEARS:
        everywhere = local_holidays.closed_days(name, year, Extent.EVERYWHERE)
        anywhere = local_holidays.closed_days(name, year, Extent.ANYWHERE)
        for day in public_holidays.days_of(year):
            if is_closed(day) and day not in anywhere:
                found.theirs.setdefault(title(day), []).append(day)
            elif not is_closed(day) and day in everywhere:
                ours = local_holidays.holiday_name(name, day) or f"{day:%A}"
                found.ours.setdefault(ours.replace(" (estimated)", ""), []).append(day)
    return found


def with_quantlib() -> Iterator[Difference]:
    """Yield the comparison with each calendar of QuantLib."""
    for name, calendar in QUANTLIB.items():

        def is_closed(day: date, calendar: Any = calendar) -> bool:
            return not calendar.isBusinessDay(QuantLib.Date(day.day, day.month, day.year))

        yield compare(name, is_closed, lambda day: f"{day:%d %B}")


def with_workalendar() -> Iterator[Difference]:
    """Yield the comparison with each country of workalendar that has data for `YEARS`."""
    from workalendar.registry import registry

    for code, kind in sorted(registry.get_calendars().items()):
        if code not in {words[1] for words in COUNTRIES.values()}:
            continue
        try:
            validate_calendar(code)
            calendar = kind()
            titles = {day: title for year in YEARS for day, title in calendar.holidays(year)}
        except (UnknownCalendar, KeyError, ValueError, RuntimeError, NotImplementedError) as error:
            print(f"{code}: not compared, {error}", file=sys.stderr)
            continue
        except Exception as error:
            # workalendar raises classes of its own where it has no data for a year.
            print(f"{code}: not compared, {error}", file=sys.stderr)
            continue

        def is_closed(day: date, calendar: Any = calendar) -> bool:
            return not calendar.is_working_day(day)

        def title(day: date, titles: dict[date, str] = titles) -> str:
            return titles.get(day, f"{day:%A}")

        yield compare(code, is_closed, title)


def report(found: Iterator[Difference]) -> None:
    """Print every difference."""
    total = equal = 0
    for each in found:
        total += 1
        equal += each.counts == (0, 0)
        print(f"{each.name}: only ours {each.counts[0]}, only theirs {each.counts[1]}")
        for side, days in (("+", each.ours), ("-", each.theirs)):
            for title, dates in days.items():
                print(f"  {side} {title}: {', '.join(map(str, dates))}")
    print(f"{equal} of {total} calendars agree on every day of {YEARS[0]}-{YEARS[-1]}.\n")


if __name__ == "__main__":
    print("QuantLib")
    report(with_quantlib())
    try:
        import workalendar  # noqa: F401
    except ImportError:
        print("workalendar is not installed.")
    else:
        print("workalendar")
        report(with_workalendar())
