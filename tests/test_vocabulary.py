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
# Files that are not ours, or not text.
SKIPPED = {".gz", ".ico", ".jpg", ".pdf", ".png", ".pyc", ".woff2", ".xlsx"}
LOCKS = "requirements"

# Each former term: a part of it that occurs in every form, its forms, and the term of
# docs/glossary.md or of the code that replaced it. The forms are matched to each line as it is, and
# to its words: lower case, with `snake_case`, `kebab-case` and `CamelCase` split at their joints.
FORMER_TERMS = (
    ("course", r"(?<!of )\bcourses?\b", "timeline, projection"),
    ("up to date", r"\b(bring|brings|bringing|brought) (\w+ ){0,3}up to date\b", "refresh"),
    # QuantLib names the markets of its calendars so.
    ("settl", r"(?<!\.)\b(un)?settl(e|es|ed|ing|er|ements?)\b", "refresh"),
    ("ladder", r"\bladders?\b", "notification policy"),
    ("rung", r"\brungs?\b", "step"),
    ("climb", r"\bclimb(s|ed|ing)?\b", "escalation step"),
    ("call", r"\bcalls? for an alert\b|\bclass Call\b|\bCall[(\]]|[:>] Call\b", "alert intent"),
    ("rhythm", r"\brhythms?\b", "frequency"),
    ("unsilence", r"\bunsilenced?\b", "silence_ended"),
    (
        "look",
        r"EvidenceKind\.LOOK\b|[\"']look[\"']|\bkind: look\b|\blooks\b(?= at deadlines)",
        "search_log",
    ),
    ("first_at", r"(?<![A-Z])first_at\b", "earliest_due_at"),
    ("surviving", r"\bis surviving\b", "survives_termination"),
    ("eyes", r"\bfour ?eyes\b", "requires_approval"),
    ("aside", r"\b(set|sets|setting) (it |them )?aside\b", "quarantined"),
    (
        "stand",
        r"\bstanding facts?\b|\bis standing\b|\bfacts? (that|which) stands?\b",
        "effective facts",
    ),
    ("retell", r"\bretell(s|ing)?\b", "replay"),
    ("retold", r"\bretold\b", "replay"),
    ("restate", r"\brestatements? of the ledger\b|\bledger restate(s|d|ments?)?\b", "ledger delta"),
    ("hang", r"\bhang(s|ing)? (up)?on\b", "depends on"),
    ("hung", r"\bhung (up)?on\b", "depends on"),
    ("reckon", r"\breckon(s|ed|ing|er)?\b", "compute"),
    (
        "working",
        r"\bclass working\b|\b(the|its) working\b(?! day)|"
        r"\bWorking[(\]]|\bimport working\b",
        "trace",
    ),
    ("carrier", r"\bcarriers?\b", "mailer"),
    (
        "letter",
        r"\b(import|class|def) letters?\b|\bdelivery[./]letters?\b|\bletters?\.py\b",
        "rendering",
    ),
    (
        "notice",
        r"\b(import|class|def) notices?\b|\bdelivery[./]notices?\b|\bnotices\.",
        "administrator mails",
    ),
    ("journal", r"\bjournals?\b", "attempt recorder"),
    ("told", r"\btold\b", "notified"),
    (
        "words",
        r"\bdef (?!test)(\w+ )*words\b|(?<!weekday )\bwords\.(py|\w+\()|\bimport words\b",
        "labels, sentences",
    ),
    (
        "feed",
        r"(?<!calendar[ _-])\bfeeds?/|\bclass feed\b|\bcompliance feeds?\b|"
        r"[\"']feeds?[\"']",
        "calendar feeds",
    ),
    ("at it", r"\bi am at it\b|\b(to|says to) be at it\b|\bsays it is at it\b", "Acknowledge"),
)

# Turns of phrase that nobody would say, each with what to write instead.
ODD_PHRASES = (
    ("what of a", r"\bwhat of an? \w+, and of what\b", "The values covered by ..., including ..."),
    ("pacta writes", r"\bpacta writes to\b", "You will (no longer) receive email about"),
    ("else is called", r"\b(nobody|no one) else is called\b", "Escalations pause"),
    ("not whole", r"\b(is|are) not whole\b", "is incomplete"),
    ("no party", r"\b(is|are) no party\b", "is not a party"),
    ("wait told", r"\bhave \w+ (\w+ )*that wait told\b", "Reschedule pending alerts"),
    ("leave of", r"\btak(e|es|ing) leave of\b", "close the connection"),
    ("of its own", r"\bmakes a command of its own\b", "Reject line breaks in ..."),
)
FORBIDDEN = (*FORMER_TERMS, *ODD_PHRASES)
PARTS = [part for part, _, _ in FORBIDDEN]

# Lines that each entry of the two tables above must find: prose, identifiers, names of columns,
# constraints and modules, keys and paths.
SAMPLES = {
    "course": (
        "# The course of a deadline", "def course_of(deadline):", "DeadlineCourse", "courses/",
    ),
    "up to date": ("bring every deadline up to date", "def bring_up_to_date():"),
    "settl": ("settles the deadline", "Settled:", "def settle_chain_due():", "deadline_unsettled"),
    "ladder": ("own_ladder = None", "class Ladder:", "ladder_id", "admin/ladder.html"),
    "rung": ("the third rung", '"rungs": [', "alert_rung_once", "class EscalationRung:"),
    "climb": ("a climb to the next step", "climbs = []", "climbed_at"),
    "call": ("class Call:", "calls for an alert", "list[Call]"),
    "rhythm": ("rhythm = Rhythm.DAILY", '"rhythm": "daily"', "subscription_rhythm"),
    "unsilence": ("kind = 'unsilenced'", "AlertKind.UNSILENCED", "unsilence/"),
    "look": ('kind="look"', "    kind: look", "EvidenceKind.LOOK", "looks at deadlines"),
    "first_at": ("original_first_at = None", '"first_at": null'),
    "surviving": ("obligation__is_surviving=True", "is_surviving"),
    "eyes": ("the four-eyes rule", "is_four_eyes", "Four eyes"),
    "aside": ("set_aside_error", "deadlines set aside", "SetAside", "sets it aside"),
    "stand": ("standing facts", "is_standing", "StandingFact", "facts that stand"),
    "retell": ("retell the ledger", "def retell_ledger():"),
    "retold": ("was retold", "retold_at"),
    "restate": ("a restatement of the ledger", "ledger_restatement"),
    "hang": ("what hangs on what", "hangs_on", "HangsOn"),
    "hung": ("it hung on this",),
    "reckon": ("reckoned from", "def reckon(rule):", "class Reckoner:"),
    "working": ("class Working:", "the working of a date", "list[Working]"),
    "carrier": ("the carrier of mail", "carrier.py", "class MailCarrier:"),
    "letter": ("from compliance.delivery import letters", "delivery/letters.py", "class Letter:"),
    "notice": ("from compliance.delivery import notices", "delivery/notices.py", "notices.send()"),
    "journal": ("the journal of attempts", "_journal", "class Journal:"),
    "told": ("who was told", "told_at", "alert_told", "is_told"),
    "words": ("def status_words():", "from compliance.delivery import words", "delivery/words.py"),
    "feed": ('"feeds/<int:id>/"', "class Feed:", "compliance_feed", 'name="feed"'),
    "at it": ("I am at it", "Who says to be at it"),
    "what of a": ("What of a fact, and of what it rests on, its hash covers",),
    "pacta writes": ("Pacta writes to x no more about:",),
    "else is called": ("Nobody else is called for a week",),
    "not whole": ("It is not whole, or too old",),
    "no party": ("X is no party to the agreement",),
    "wait told": ("Have the alerts that wait told at the hours of their recipients",),
    "leave of": ("Take leave of the server",),
    "of its own": ("No sender makes a command of its own",),
}  # fmt: skip


@cache
def sources() -> dict[str, tuple[str, str]]:
    """Every text file of the product and its documentation by its path, also in lower case."""
    paths = [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(LOCKS)]
    for folder in FOLDERS:
        paths += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts = {}
    for path in paths:
        # This module names the former terms.
        if path.suffix not in SKIPPED and path != Path(__file__):
            text = path.read_text()
            texts[str(path.relative_to(ROOT))] = (text, text.lower())
    return texts


def words_of(line: str) -> str:
    """Return a line in lower case, with its identifiers split into words."""
    return re.sub(r"[_-]+|(?<=[a-z0-9])(?=[A-Z])", " ", line).lower()


def offences(text: str, lowered: str, *, part: str, forms: str) -> Iterator[tuple[int, str]]:
    """The lines in which a former term occurs, with their numbers."""
    # Identifiers join the words of a part in other ways, so only its last word is searched for.
    key = part.rpartition(" ")[2]
    if key not in lowered:
        return
    pattern = re.compile(forms)
    for number, line in enumerate(text.splitlines(), start=1):
        if key not in line.lower():
            continue
        if pattern.search(line) or pattern.search(words_of(line)):
            yield number, line.strip()


@pytest.mark.parametrize(("part", "forms", "term"), FORBIDDEN, ids=PARTS)
def test_a_former_term_occurs_nowhere(part: str, forms: str, term: str) -> None:
    found = [
        f"{path}:{number}: {line}"
        for path, texts in sources().items()
        for number, line in offences(*texts, part=part, forms=forms)
    ]
    found += [
        path for path in sources() if list(offences(path, path.lower(), part=part, forms=forms))
    ]
    assert found == [], f"write {term} instead"


@pytest.mark.parametrize(("part", "forms", "_term"), FORBIDDEN, ids=PARTS)
def test_a_former_term_would_be_found(part: str, forms: str, _term: str) -> None:
    missed = [
        sample
        for sample in SAMPLES[part]
        if not list(offences(sample, sample.lower(), part=part, forms=forms))
    ]
    assert missed == []
