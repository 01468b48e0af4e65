"""The documented laws are those of the code, and the documented differences are all there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compliance.domain.due_dates.holiday_laws import HOLIDAY_LAWS

PAGE = Path(__file__).parents[2] / "docs" / "business-days.md"


def test_the_page_lists_the_law_of_each_country() -> None:
    rows = re.findall(
        r"^\| `([A-Z-]+)` \| ([a-z_, ]+) \| ([a-z_, ]+) \| (.+) \|$", PAGE.read_text(), re.M
    )

    expected = [
        (
            name,
            ", ".join(sorted(law.counted)),
            ", ".join(sorted(law.partly)) or "none",
            law.source,
        )
        for name, law in sorted(HOLIDAY_LAWS.items())
    ]
    assert rows == expected


@pytest.mark.exhaustive
def test_every_difference_from_quantlib_is_explained() -> None:
    # QuantLib takes half a second to import.
    from tests.domain.compare_calendars import QUANTLIB, with_quantlib

    text = PAGE.read_text().partition("### QuantLib\n")[2].partition("### workalendar\n")[0]
    explained = {
        name: (int(ours), int(theirs))
        for name, ours, theirs, why in re.findall(
            r"^\| `([A-Z0-9-]+)` \| (\d+) \| (\d+) \| (.+) \|$", text, re.M
        )
        if why
    }
    assert len(QUANTLIB) > 70

    assert {
        each.name: each.counts for each in with_quantlib() if each.counts != (0, 0)
    } == explained
