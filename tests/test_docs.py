"""The documentation names modules, settings, commands and pages that exist, and all settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
PACKAGES = ("compliance", "config", "standalone", "tests", "benchmarks", ".ci")


def test_every_module_that_the_architecture_names_exists() -> None:
    paths = [f"/{p.relative_to(ROOT)}" for each in PACKAGES for p in (ROOT / each).rglob("*.py")]
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"`([\w./]+\.py)`", text))
    assert len(named) > 100
    assert [each for each in named if not any(path.endswith(f"/{each}") for path in paths)] == []


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    read = set(re.findall(r'"([A-Z][A-Z_]+)"', (ROOT / "config" / "env.py").read_text()))
    operating = (ROOT / "docs" / "operating.md").read_text()
    listed = {
        name
        for cell in re.findall(r"^\| (`[A-Z][A-Z_]+`(?:, `[A-Z][A-Z_]+`)*) \|", operating, re.M)
        for name in re.findall(r"[A-Z_]+", cell)
    }
    assert listed == read


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_commands_targets_and_files_that_exist(page: Path) -> None:
    text = page.read_text()
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    links = re.findall(r"\]\(([^)#\s]+)", text)
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= set(get_commands())
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= set(targets)
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_each_decision_has_a_number_of_its_own() -> None:
    pages = sorted((ROOT / "docs" / "adr").glob("0*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert numbers == list(range(1, len(pages) + 1))
    for page, number in zip(pages, numbers, strict=True):
        assert page.read_text().startswith(f"# {number}. "), page.name
