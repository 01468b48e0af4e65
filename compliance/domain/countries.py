"""Country codes of ISO 3166-1 alpha-2, and the codes that are mistaken for them."""

from __future__ import annotations

from functools import cache
from importlib import resources

# Codes of the EU institutions, of languages, and of FIPS 10-4 that ISO 3166-1 does not assign, with
# the country that is meant.
_MEANT = {
    "UK": "GB", "EN": "GB", "EL": "GR", "SP": "ES", "EI": "IE", "JA": "JP", "KO": "KR", "ZH": "CN",
    "DA": "DK", "VM": "VN", "RP": "PH", "UP": "UA", "EZ": "CZ", "LO": "SK", "WA": "NA", "TU": "TR",
    "FX": "FR",
}  # fmt: skip
# Codes that ISO 3166 reserves or withdrew (ISO 3166-3), and Kosovo: parties to agreements, past and
# present.
_OTHERS = frozenset({
    "AN", "BU", "BY", "CS", "CT", "DD", "DY", "EU", "FQ", "HV", "JT", "MI", "NH", "NQ", "NT", "PC",
    "PU", "PZ", "RH", "SU", "TP", "UN", "VD", "WK", "XK", "YD", "YU", "ZR",
})  # fmt: skip


def country(code: str) -> str:
    """Return a code that is assigned, reserved, or was assigned once.

    Raises:
        ValueError: it is none of these; the sentence names the code that is meant, if known.
    """
    if code in _assigned() or code in _OTHERS:
        return code
    meant = _MEANT.get(code)
    if meant is not None:
        sentence = f"{code} is not a country code of ISO 3166-1. Did you mean {meant}?"
    else:
        sentence = f"{code} is not a country code of ISO 3166-1, such as CN. Correct it or omit it."
    raise ValueError(sentence)


@cache
def _assigned() -> frozenset[str]:
    """Return the assigned codes, from the zone data."""
    table = resources.files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text("utf-8")
    return frozenset(line[:2] for line in table.splitlines() if not line.startswith("#"))
