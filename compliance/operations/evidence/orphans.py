"""Remove files that no evidence refers to: the remains of failed or killed uploads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction

from compliance.models import EvidenceFile
from compliance.models.evidence.evidence import path_of
from compliance.models.locks import claim_file
from compliance.models.people.readers import SYSTEM, reading_as
from compliance.operations.evidence.files import UNFINISHED

log = structlog.get_logger(__name__)

# Long enough to notice that the database was restored from an older backup than the files.
ORPHANED_FOR = timedelta(days=30)
# No upload takes this long. A younger unfinished file may belong to an upload in progress.
LONGEST_UPLOAD = timedelta(days=1)

_KEPT = re.compile("[0-9a-f]{64}")


def remove(
    *, as_of: datetime, older_than: timedelta = ORPHANED_FOR, is_dry_run: bool = False
) -> list[Path]:
    """Remove the files without a row that were last written before `as_of` less `older_than`.

    Safe beside uploads: a file that one has found, and will refer to, is left alone. Files of
    other names are not touched.

    Returns:
        What was removed, or would be in a dry run, in the order of their paths.
    """
    before = (as_of - older_than).timestamp()
    started_before = (as_of - max(older_than, LONGEST_UPLOAD)).timestamp()
    orphans = _orphans(before, started_before)
    removed = [path for path in orphans if is_dry_run or _remove(path)]
    if removed and not is_dry_run:
        log.info("orphaned files removed", count=len(removed))
    return removed


# Evidence that the user does not see may share a file.
@reading_as(SYSTEM)
def remove_unused(hashes: Iterable[str]) -> None:
    """Remove the files with these hashes that no evidence refers to any more.

    What cannot be removed now is an orphan, which `remove` finds later.
    """
    for sha256 in hashes:
        try:
            _remove(path_of(sha256))
        except OSError:
            log.exception("file not removed", sha256=sha256)


def _orphans(before: float, started_before: float) -> Iterator[Path]:
    folder: Path = settings.FILES_DIR
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir() and len(path.name) == 2:
            old = [each for each in sorted(path.iterdir()) if _is_old(each, before)]
            names = [each.name for each in old if _KEPT.fullmatch(each.name)]
            rows = EvidenceFile.objects.filter(sha256__in=names).order_by()
            used = set(rows.values_list("sha256", flat=True))
            yield from (path / name for name in names if name not in used)
        elif path.name.startswith(UNFINISHED) and _is_old(path, started_before):
            yield path


def _is_old(path: Path, before: float) -> bool:
    try:
        return path.is_file() and path.stat().st_mtime < before
    except FileNotFoundError:  # an upload has just ended, or another collector was faster
        return False


def _remove(path: Path) -> bool:
    """Remove a file unless an upload refers to it, or is about to."""
    if path.name.startswith(UNFINISHED):
        path.unlink(missing_ok=True)
        return True
    with transaction.atomic():
        if not claim_file(path.name):
            return False
        # Asked again, now that no upload can commit in between.
        if EvidenceFile.objects.filter(sha256=path.name).exists():
            return False
        path.unlink(missing_ok=True)
    return True
