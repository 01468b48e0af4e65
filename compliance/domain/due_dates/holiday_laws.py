"""Which categories of the `holidays` library the law of each country counts, with sources.

The library's default is `public`, which is what most laws count. This table has the countries for
which that is not enough: where other categories close as well, where the law differs by purpose
(courts, banks, public offices), and where holidays of subdivisions do not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

PUBLIC = frozenset({"public"})
OFFICES = "offices"
"""Our own category: days on which a statute closes public offices, and that the library lacks."""
OFFICE_COUNTRIES = frozenset({"CA", "IE", "JP", "NL", "NZ"})


@dataclass(frozen=True, kw_only=True, slots=True)
class HolidayLaw:
    """What counts as a holiday in a country or subdivision.

    Days of the categories in `counted` are closed. Those of the categories in `partly` are closed
    only for some places, bodies or purposes, so both readings are given where they matter.
    `is_uniform` says that the holidays of subdivisions do not count for the country itself.
    `covers_all` says that every place in the country is in one of the library's subdivisions.
    """

    source: str
    counted: frozenset[str] = PUBLIC
    partly: frozenset[str] = frozenset()
    is_uniform: bool = False
    covers_all: bool = True


def _also(*categories: str, source: str) -> HolidayLaw:
    return HolidayLaw(counted=PUBLIC | {*categories}, source=source)


def _partly(*categories: str, source: str) -> HolidayLaw:
    return HolidayLaw(partly=frozenset(categories), source=source)


LIBRARY_DEFAULT = HolidayLaw(source="The library's sources for the category `public`.")

HOLIDAY_LAWS: Mapping[str, HolidayLaw] = {
    "AE": _partly(
        "government",
        source="Cabinet Resolution 27 of 2024 (public sector), announced apart from the private.",
    ),
    "AT": _partly(
        "bank",
        source="BGBl 37/1961 (Good Friday) and section 33 AVG (also 24 December) extend periods; "
        "banks also close on 31 December.",
    ),
    "BR": _partly(
        "optional",
        source="Lei 9.093/1995 lists the holidays; Carnival and Corpus Christi are optional, but "
        "courts (Lei 5.010/1966, art. 62) and banks (Resolução CMN 4.880/2020) close.",
    ),
    "CA": HolidayLaw(
        counted=frozenset({"government"}),
        partly=frozenset({OFFICES}),
        is_uniform=True,
        source="Canada Labour Code, s. 166, and Holidays Act; Easter Monday only under the "
        "Interpretation Act, s. 35. Provincial holidays count in the calendar of the province.",
    ),
    "CA-AB": _also(
        "optional", source="Interpretation Act, RSA 2000, c I-8, s. 28(1) (Easter Monday)."
    ),
    "CA-ON": _also(
        "optional", source="Rules of Civil Procedure, RRO 1990, Reg 194, r. 1.03 (`holiday`)."
    ),
    "CA-QC": _also(
        "optional", source="Interpretation Act, CQLR c I-16, s. 61(23) (Easter Monday)."
    ),
    "CH": _partly(
        "optional",
        source="Art. 142(3) ZPO and Federal Act SR 173.110.3: holidays recognised by federal or "
        "cantonal law; `optional` holidays are recognised only in part of a canton.",
    ),
    "CR": _also(
        "optional",
        source="Código de Trabajo, arts. 147 and 148: holidays without compulsory pay are "
        "holidays too.",
    ),
    "CY": _partly("bank", source="Banks close on Easter Tuesday; other businesses need not."),
    "DE": HolidayLaw(
        partly=frozenset({"catholic"}),
        source="Section 193 BGB: general holidays at the place of performance, by the law of the "
        "Land; `catholic` holidays apply only in municipalities with a Catholic majority or "
        "named by ordinance (BY art. 1 FTG, SN section 1 SächsSFG, TH section 2 ThürFtG).",
    ),
    "DK": _partly(
        "optional",
        source="Forældelsesloven, section 27(2): Constitution Day and 24 and 31 December extend "
        "periods; 1 May closes only by agreement.",
    ),
    "EG": _partly(
        "government", source="Prime Minister's decrees give the public sector additional days."
    ),
    "ES": HolidayLaw(
        source="Ley 39/2015, art. 30, and LEC, art. 130: national and regional holidays count at "
        "the place of the act."
    ),
    "FK": _partly(
        "government", source="Government offices also close on the last working days of the year."
    ),
    "FR": HolidayLaw(
        covers_all=False,
        source="Code du travail, art. L3133-1; art. L3134-13 for Alsace and Moselle, L3422-2 "
        "overseas. Mainland departments without holidays of their own are not listed.",
    ),
    "GB": HolidayLaw(
        source="Banking and Financial Dealings Act 1971, Sch. 1: bank holidays differ in England "
        "and Wales, Scotland, and Northern Ireland."
    ),
    "GL": _partly(
        "optional", source="Shops and offices close by agreement or local rule, not by law."
    ),
    "HK": _also(
        "optional",
        source="General Holidays Ordinance (Cap. 149); Interpretation and General Clauses "
        "Ordinance (Cap. 1), s. 71. Saturdays are not general holidays.",
    ),
    "HT": _partly("optional", source="Days off by custom or yearly decree."),
    "ID": _partly(
        "government",
        source="Joint ministerial decrees (SKB 3 Menteri): joint leave binds the civil service; "
        "the private sector may work.",
    ),
    "IE": _partly(
        "optional",
        OFFICES,
        source="Organisation of Working Time Act 1997, Sch. 2, lists no Good Friday and gives no "
        "day in lieu of a weekend, but courts (RSC Order 122), banks and offices close.",
    ),
    "IN": HolidayLaw(
        partly=frozenset({"government"}),
        source="Negotiable Instruments Act 1881, s. 25: each State notifies its own; "
        "`government` days close only offices of the State.",
    ),
    "IT": HolidayLaw(
        is_uniform=True,
        source="Legge 260/1949 and art. 155 c.p.c.: only national holidays extend periods; a "
        "patron saint's day counts in the calendar of its place (IT-RM, DPR 792/1985).",
    ),
    "JP": _partly(
        "bank",
        OFFICES,
        source="National Holidays Act, and Civil Code, art. 142. Code of Civil Procedure, "
        "art. 95(3), and Act 93 of 1988 (courts) also close 29 December to 3 January; banks close "
        "31 December to 3 January (Banking Act Order, art. 5).",
    ),
    "KE": _partly(
        "islamic",
        source="Public Holidays Act (Cap. 110), Sch. 2: only for persons of the faith "
        "unless gazetted for all.",
    ),
    "KR": _partly(
        "bank",
        source="Act on Designation of Workers' Day: until 2025 a paid day off, not a public "
        "holiday in the sense of Civil Act, art. 161.",
    ),
    "LB": _partly("government", source="Public administrations and municipalities only."),
    "LK": _partly(
        "bank", "government", source="Holidays Act 29 of 1971: public and bank holidays differ."
    ),
    "MO": HolidayLaw(
        counted=PUBLIC | {"optional"},
        partly=frozenset({"government"}),
        is_uniform=True,
        source="Executive Order 60/2000 lists the public holidays; Law 7/2008 obliges employers "
        "to grant only the category `public`. Days in lieu apply to the administration.",
    ),
    "MY": HolidayLaw(
        source="Holidays Act 1951, ss. 8 and 9, and State ordinances: holidays and weekends differ "
        "by State."
    ),
    "NE": _partly("optional", source="Loi 97-020: Christian holidays only for Christians."),
    "NL": HolidayLaw(
        counted=PUBLIC | {"optional"},
        partly=frozenset({OFFICES}),
        is_uniform=True,
        source="Algemene termijnenwet, art. 3: 5 May counts in every year, and so does Good "
        "Friday; bridge days count if a royal decree names them (art. 3(3)), as it usually does.",
    ),
    "NZ": _partly(
        OFFICES,
        source="Holidays Act 2003, s. 44; provincial anniversaries count in their region. "
        "Legislation Act 2019, s. 13 (`working day`) also excludes 25 December to 2 January.",
    ),
    "PT": _partly(
        "optional",
        source="Código do Trabalho, arts. 234 and 235: Carnival and municipal holidays are "
        "optional; art. 138(3) CPC: courts close when the day is granted (tolerância de ponto).",
    ),
    "PY": _partly("government", source="Decrees give the public sector additional days."),
    "SE": _also(
        "de_facto",
        source="Lag (1930:173), section 2: Midsummer Eve, Christmas Eve and New Year's Eve "
        "extend periods like holidays.",
    ),
    "SH": _also("government", source="Public Holidays Ordinance: offices close on all of them."),
    "TH": _partly(
        "bank",
        "government",
        source="Civil and Commercial Code, s. 193/8; the Bank of Thailand and the Cabinet "
        "announce holidays separately.",
    ),
    "TL": _partly("government", source="Lei 10/2005: tolerância de ponto in the public service."),
    "TT": _partly(
        "optional",
        source="Public Holidays and Festivals Act (Ch. 19:05): Carnival Monday and Tuesday are "
        "not public holidays, but most businesses close.",
    ),
    "US": HolidayLaw(
        is_uniform=True,
        source="5 U.S.C. 6103 (federal). State holidays count in the calendar of the State.",
    ),
    "UY": _partly(
        "bank",
        source="Ley 14.977: the other holidays are working days for most employers; public "
        "offices and banks close.",
    ),
}


@cache
def laws_version() -> str:
    """Return a short code that changes when this table changes what counts."""
    rows = [
        (name, sorted(law.counted), sorted(law.partly), law.is_uniform, law.covers_all)
        for name, law in sorted(HOLIDAY_LAWS.items())
    ]
    return sha256(repr(rows).encode()).hexdigest()[:8]


def holiday_law(country: str, subdivision: str) -> HolidayLaw:
    """Return what counts in a subdivision, or in the country if `subdivision` is empty."""
    law = HOLIDAY_LAWS.get(country, LIBRARY_DEFAULT)
    if not subdivision:
        return law
    own = HOLIDAY_LAWS.get(f"{country}-{subdivision}")
    if own is not None:
        return own
    return _PROVINCE if country == "CA" else law


_PROVINCE = _partly(
    "optional",
    source="Provincial employment standards list `public`; interpretation acts, courts and public "
    "offices add `optional` holidays.",
)
