"""The temporary folder of one test run: its servers' data, its secret key, its files.

Imported before the settings, so it reads nothing of Pacta's.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

_PREFIX = "pacta-test-"
# Held open, and so locked, until this process ends.
_locks: list[IO[str]] = []


def create() -> Path:
    """Create a folder that is locked until this process ends; remove those of killed runs."""
    _remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    draft = folder / "run.lock.new"
    lock = draft.open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Renamed once it is locked: `_remove_abandoned` never finds it unlocked while we live.
    draft.rename(folder / "run.lock")
    _locks.append(lock)
    return folder


def _remove_abandoned() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/run.lock"):
        try:
            with path.open() as lock:
                if os.fstat(lock.fileno()).st_uid != os.geteuid():
                    continue
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.parent, ignore_errors=True)
        except OSError:  # in use, or removed by another run
            continue
