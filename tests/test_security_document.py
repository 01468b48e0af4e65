"""docs/asvs.md covers OWASP ASVS 5.0 level 2, and every test that the documents name exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATUSES = {"met", "not applicable", "not met"}
# How many requirements of levels 1 and 2 each section has. They are numbered from 1 on; those of
# level 3 follow them.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3, "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5,
    "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2, "8.1": 2,
    "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4,
    "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4,
    "11.5": 1, "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2,
    "13.4": 5, "14.1": 2, "14.2": 4, "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1,
    "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip
_ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> list[tuple[str, str, str, str]]:
    """Return the number, the requirement, the status and the proof of each row."""
    return _ROW.findall((ROOT / "docs" / "asvs.md").read_text())


def test_every_requirement_has_one_row() -> None:
    wanted = [f"{name}.{each + 1}" for name, count in SECTIONS.items() for each in range(count)]
    assert len(wanted) == 253
    assert [number for number, *_ in rows()] == wanted


def test_every_requirement_has_one_of_three_statuses_and_a_met_one_says_what_shows_it() -> None:
    for number, _, status, proof in rows():
        assert status in STATUSES, number
        if status == "met":
            assert _TEST.search(proof) or proof.startswith(("No test: ", "Documented: ")), number


def test_the_summary_counts_the_rows() -> None:
    found = [status for _, _, status, _ in rows()]
    text = (ROOT / "docs" / "asvs.md").read_text()
    for status in STATUSES:
        assert f"| {status} | {found.count(status)} |" in text, status
    without_test = sum(proof.startswith("No test: ") for *_, proof in rows())
    assert f"{without_test} of the requirements that are met have no test" in text


def test_every_test_that_is_named_exists() -> None:
    named = 0
    for document in ("asvs.md", "security.md"):
        for path, name in _TEST.findall((ROOT / "docs" / document).read_text()):
            named += 1
            module = ast.parse((ROOT / path).read_text())
            found = {each.name for each in ast.walk(module) if isinstance(each, ast.FunctionDef)}
            assert name in found, f"{path}::{name}"
    assert named > 100
