"""The project uses the terms of the glossary and none of those that they replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("compliance", "config", "standalone", "benchmarks", "docs", "examples", "tests")
SUFFIXES = {".py", ".html", ".txt", ".js", ".css", ".md", ".yaml", ".toml", ".svg"}

# Each former term, and the term of docs/glossary.md or of the code that replaced it.
FORMER_TERMS = {
    r"(?<!of )\bcourses?\b": "timeline, projection",
    r"\bsettl(e|es|ed|ing|ements?)\b": "refresh",
    r"\b\w*ladders?\b": "notification policy",
    r"\brungs?\b|_rungs?\b": "step",
    r"\bclimb(s|ed|ing)?\b": "escalation step",
    r"\bcalls? for an alert\b|\bclass Call\b": "alert intent",
    r"\b\w*rhythms?\b": "frequency",
    r"\bunsilenced\b": "silence_ended",
    r"EvidenceKind\.LOOK\b|[\"']look[\"']|\blooks\b(?= at deadlines)": "search_log",
    r"\b\w*first_at\b": "earliest_due_at",
    r"\b\w*is_surviving\b": "survives_termination",
    r"\b\w*is_four_eyes\b|\bfour[ -]eyes\b": "requires_approval",
    r"\b\w*set[_ ]aside\w*\b|SetAside": "quarantined",
    r"\bstanding[_ ]facts?\b|\bis_standing\b|\bfacts? that stands?\b": "effective facts",
    r"\bre(tell|tells|telling|told)\b": "replay",
    r"\brestatements? of the ledger\b|\bledger restate": "ledger delta",
    r"\b(hangs?|hanging|hung) on\b": "depends on",
    r"\breckon\w*\b": "compute",
    r"\bclass Working\b|\bthe working\b|\bits working\b": "trace",
    r"\bcarriers?\b": "mailer",
    r"\bletters\.py\b|\bimport letters?\b|\bdef letter\b|\bdelivery\.letters\b": "rendering",
    r"\bdelivery\.notices\b|\bimport notices\b|\bnotices\.": "administrator mails",
    r"\b_?[Jj]ournals?\b": "attempt recorder",
    r"\btold\b|\b\w+_told\b|\btold_\w+\b": "notified",
    r"\bdef _?(\w+_)?words\b|\bwords\.\w+\(|\bimport words\b": "labels, sentences",
    r"(?<![\w-])feeds/|\bclass Feed\b|\bcompliance_feed\b": "calendar feeds",
    r"\bI am at it\b|\b(to|says to) be at it\b|\bat_it\b": "Acknowledge",
}


def sources() -> Iterator[Path]:
    """Every file of the product and its documentation."""
    yield from ROOT.glob("*.md")
    for folder in FOLDERS:
        files = (path for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES)
        # This module names the former terms.
        yield from (path for path in files if path != Path(__file__))


def offences(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """The lines in which a former term occurs, with their numbers."""
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.search(line):
            yield number, line.strip()


@pytest.mark.parametrize(("former", "term"), FORMER_TERMS.items())
def test_a_former_term_occurs_nowhere(former: str, term: str) -> None:
    pattern = re.compile(former)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line}"
        for path in sources()
        for number, line in offences(path.read_text(), pattern)
    ]
    names = [str(path.relative_to(ROOT)) for path in sources() if pattern.search(path.stem)]
    assert found + names == [], f"write {term} instead"


@pytest.mark.parametrize(
    ("former", "line"),
    [
        (r"\b\w*ladders?\b", "own_ladder = None"),
        (r"\b\w*first_at\b", "original_first_at = None"),
        (r"(?<!of )\bcourses?\b", "# The course of a deadline"),
        (r"\b(hangs?|hanging|hung) on\b", "what hangs on it"),
    ],
)
def test_a_former_term_would_be_found(former: str, line: str) -> None:
    assert former in FORMER_TERMS
    assert list(offences(line, re.compile(former)))
