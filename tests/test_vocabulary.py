"""The project uses the terms of the glossary and none of those that they replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (
    ".ci", ".devcontainer", ".github", "benchmarks", "compliance", "config", "docs", "examples",
    "standalone", "tests",
)  # fmt: skip
SUFFIXES = {
    ".css", ".html", ".js", ".json", ".md", ".py", ".svg", ".toml", ".txt", ".yaml", ".yml",
}  # fmt: skip

# Each former term, and the term of docs/glossary.md or of the code that replaced it.
FORMER_TERMS = {
    r"(?<!of )\bcourses?\b": "timeline, projection",
    r"\b(bring|brings|bringing|brought) (\w+ ){0,3}up to date\b": "refresh",
    r"\bsettl(e|es|ed|ing|ements?)\b": "refresh",
    r"ladders?\b": "notification policy",
    r"\brungs?\b|_rungs?\b": "step",
    r"\bclimb(s|ed|ing)?\b": "escalation step",
    r"\bcalls? for an alert\b|\bclass Call\b": "alert intent",
    r"rhythms?\b": "frequency",
    r"\bunsilenced\b": "silence_ended",
    r"EvidenceKind\.LOOK\b|[\"']look[\"']|\blooks\b(?= at deadlines)": "search_log",
    r"first_at\b": "earliest_due_at",
    r"is_surviving\b": "survives_termination",
    r"is_four_eyes\b|\bfour[ -]eyes\b": "requires_approval",
    r"set[_ ]aside|SetAside": "quarantined",
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
    r"\btold\b|_told\b|\btold_\w+\b": "notified",
    r"\bdef _?(\w+_)?words\b|\bwords\.\w+\(|\bimport words\b": "labels, sentences",
    r"(?<![\w-])feeds/|\bclass Feed\b|\bcompliance_feed\b": "calendar feeds",
    r"\bI am at it\b|\b(to|says to) be at it\b|\bat_it\b": "Acknowledge",
}

# Turns of phrase that nobody would say, each with what to write instead.
ODD_PHRASES = {
    r"\b[Ww]hat of an? \w+, and of what\b": "The values covered by ..., including ...",
    r"\bPacta writes to\b": "You will (no longer) receive email about",
    r"\b([Nn]obody|no one) else is called\b": "Escalations pause",
    r"\b(is|are) not whole\b": "is incomplete",
    r"\b(is|are) no party\b": "is not a party",
    r"\b[Hh]ave \w+ (\w+ )*that wait told\b": "Reschedule pending alerts",
    r"\b(take|takes|taking) leave of\b|\bTake leave of\b": "close the connection",
    r"\bmakes a command of its own\b": "Reject line breaks in ...",
}
FORBIDDEN = {**FORMER_TERMS, **ODD_PHRASES}

# A line that each entry of the two tables above must catch.
SAMPLES = (
    "# The course of a deadline",
    "bring every deadline up to date",
    "settles the deadline",
    "own_ladder = None",
    "the third rung",
    "a climb to the next step",
    "class Call:",
    "rhythm = Rhythm.DAILY",
    "kind = 'unsilenced'",
    'kind="look"',
    "original_first_at = None",
    "obligation__is_surviving=True",
    "the four-eyes rule",
    "set_aside_error",
    "standing facts",
    "retell the ledger",
    "a restatement of the ledger",
    "what hangs on what",
    "reckoned from",
    "class Working:",
    "the carrier of mail",
    "from compliance.delivery import letters",
    "from compliance.delivery import notices",
    "the journal of attempts",
    "who was told",
    "def status_words():",
    '"feeds/<int:id>/"',
    "I am at it",
    "What of a fact, and of what it rests on, its hash covers",
    "Pacta writes to x no more about:",
    "Nobody else is called for a week",
    "It is not whole, or too old",
    "X is no party to the agreement",
    "Have the alerts that wait told at the hours of their recipients",
    "Take leave of the server",
    "No sender makes a command of its own",
)


@cache
def sources() -> dict[str, str]:
    """The text of every file of the product and its documentation, by its path."""
    paths = [*ROOT.glob("*.md"), ROOT / "Makefile"]
    for folder in FOLDERS:
        files = (path for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES)
        # This module names the former terms.
        paths += [path for path in files if path != Path(__file__)]
    return {str(path.relative_to(ROOT)): path.read_text() for path in paths}


def offences(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """The lines in which a former term occurs, with their numbers."""
    if not pattern.search(text):
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.search(line):
            yield number, line.strip()


@pytest.mark.parametrize(("former", "term"), FORBIDDEN.items())
def test_a_former_term_occurs_nowhere(former: str, term: str) -> None:
    pattern = re.compile(former)
    found = [
        f"{path}:{number}: {line}"
        for path, text in sources().items()
        for number, line in offences(text, pattern)
    ]
    names = [path for path in sources() if pattern.search(Path(path).stem)]
    assert found + names == [], f"write {term} instead"


@pytest.mark.parametrize(("former", "sample"), list(zip(FORBIDDEN, SAMPLES, strict=True)))
def test_a_former_term_would_be_found(former: str, sample: str) -> None:
    assert list(offences(sample, re.compile(former)))
