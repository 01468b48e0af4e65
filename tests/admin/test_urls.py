"""Only entry points know the URLs of the admin, and the admin builds them in one module."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

COMPLIANCE = Path(__file__).parents[2] / "compliance"
ADMIN_URL = re.compile(r"""admin:|/admin/""")


def sources(package: str) -> list[Path]:
    """Return the Python files of a package."""
    found = sorted((COMPLIANCE / package).rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize("layer", ["domain", "models", "delivery", "operations", "queries"])
def test_layers_below_the_entry_points_contain_no_admin_urls(layer: str) -> None:
    assert [path for path in sources(layer) if ADMIN_URL.search(path.read_text())] == []


def test_the_admin_reverses_urls_in_one_module() -> None:
    modules = [path for path in sources("admin") if "reverse(" in path.read_text()]
    assert modules == [COMPLIANCE / "admin" / "urls.py"]


def test_templates_contain_no_admin_urls() -> None:
    templates = sorted((COMPLIANCE / "templates").rglob("*.html"))
    assert templates
    assert [path for path in templates if ADMIN_URL.search(path.read_text())] == []
