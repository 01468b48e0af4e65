"""Store evidence files. A file is never replaced: a better copy becomes a new revision."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from compliance.domain.evidence.files import LONGEST_BEGINNING, TextCheck, checked_name, type_of
from compliance.domain.problems import refusal
from compliance.models import Evidence, EvidenceFile, User
from compliance.models.evidence.evidence import path_of
from compliance.models.locks import for_update, keep_file

# The prefix of files that are still being written.
UNFINISHED = "new-"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Received:
    """An uploaded file in a temporary place, not yet part of the store."""

    path: Path
    media_type: str
    size: int
    sha256: str


def attach(
    *, evidence: Evidence, name: str, pieces: Iterable[bytes], by: User | None, as_of: datetime
) -> EvidenceFile:
    """Store a file as the newest revision of a piece of evidence.

    Identical files are stored once. This function never removes a stored file, because other
    evidence may share it; `orphans` removes files that a failed upload leaves behind.

    Raises:
        Invalid: at `file`: its name, type or size is not accepted, or it is empty.
    """
    name = checked_name(name)
    with _received(name, pieces) as received, transaction.atomic():
        for_update(Evidence.objects.all()).get(pk=evidence.pk)
        newest = evidence.files.aggregate(Max("revision"))["revision__max"]
        file = EvidenceFile.objects.create(
            evidence=evidence,
            revision=(newest or 0) + 1,
            name=name,
            content_type=received.media_type,
            size=received.size,
            sha256=received.sha256,
            recorded_at=as_of,
            recorded_by=by,
        )
        keep_file(received.sha256)
        kept = path_of(received.sha256)
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            # A rename on the same disk is atomic: the file is never incomplete.
            received.path.rename(kept)
    return file


@contextmanager
def _received(name: str, pieces: Iterable[bytes]) -> Iterator[_Received]:
    """Write an upload to a temporary file while checking it, and remove the file at the end."""
    folder: Path = settings.FILES_DIR
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=UNFINISHED, delete=False) as target:
        path = Path(target.name)
        try:
            digest, size = sha256(), 0
            check: TextCheck | None = None
            media_type = ""
            for piece in _with_long_start(pieces):
                if check is None:
                    media_type = type_of(name, piece)
                    check = TextCheck(media_type)
                size += len(piece)
                if size > settings.LARGEST_FILE:
                    sentence = f"The file is larger than {settings.LARGEST_FILE // 2**20} MiB."
                    raise refusal("file", sentence)
                check.take(piece)
                digest.update(piece)
                target.write(piece)
            if check is None:
                raise refusal("file", "The file is empty.")
            check.take(b"", is_last=True)
            target.flush()
            os.fsync(target.fileno())
            yield _Received(path=path, media_type=media_type, size=size, sha256=digest.hexdigest())
        finally:
            path.unlink(missing_ok=True)


def _with_long_start(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces, the first of them long enough to detect the type of the file."""
    start = b""
    has_started = False
    for piece in pieces:
        if has_started:
            yield piece
            continue
        start += piece
        if len(start) >= LONGEST_BEGINNING:
            has_started = True
            yield start
    if not has_started and start:
        yield start
