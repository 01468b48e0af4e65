"""Check offline that the lock files match pyproject.toml.

Every direct requirement must be locked, with hashes, at an allowed version, and nothing may be
locked for a removed requirement. Prints each fault, and exits with status 1 if there is one.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)")
_DIRECT = re.compile(r"pacta \(pyproject\.toml(:\w+)?\)")


def locked(path: Path) -> tuple[dict[str, str], set[str]]:
    """Return the version of each package in a lock file, and the names of direct requirements."""
    versions: dict[str, str] = {}
    direct: set[str] = set()
    name = ""
    for line in path.read_text().splitlines():
        if pin := _PIN.match(line):
            name = canonicalize_name(pin[1])
            versions[name] = pin[2]
        elif _DIRECT.search(line):
            direct.add(name)
    return versions, direct


def faults(path: Path, wanted: list[str]) -> list[str]:
    """Compare a lock file with its requirements."""
    versions, direct = locked(path)
    found = []
    names = set()
    for text in wanted:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        names.add(name)
        version = versions.get(name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            found.append(f"{path.name}: {text} is not locked (found: {version})")
    found += [f"{path.name}: {name} is not a requirement any more" for name in direct - names]
    text = path.read_text()
    if re.search(r"--(extra-)?index-url|--find-links|://", text):
        found.append(f"{path.name}: names an index; locks must hold names, versions and hashes")
    if text.count("==") > text.count("--hash=sha256:"):
        found.append(f"{path.name}: a package has no hash")
    return found


def main() -> int:
    """Check all three lock files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    found = [
        *faults(ROOT / "requirements.txt", project["project"]["dependencies"]),
        *faults(ROOT / "requirements-embedded.txt", groups["embedded"]),
        *faults(ROOT / "requirements-dev.txt", groups["dev"]),
    ]
    everything: dict[str, str] = {}
    for path in sorted(ROOT.glob("requirements*.txt")):
        for name, version in locked(path)[0].items():
            if everything.setdefault(name, version) != version:
                found.append(f"{path.name}: {name} is locked at another version elsewhere")
    for fault in found:
        print(fault, file=sys.stderr)
    if found:
        print("Run `make lock`.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
