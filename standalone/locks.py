"""File locks. The kernel drops a dead process's locks, so `kill -9` leaves nothing to clean up."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def locked(path: Path, *, is_shared: bool = False) -> Iterator[IO[str]]:
    """Hold a lock on a file, which is created if needed, for the length of the block.

    Raises:
        OSError: the file cannot be created or opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX)
        yield file


def try_exclusive(file: IO[str]) -> bool:
    """Lock an open file exclusively, unless another process holds a lock on it.

    A shared lock on the same open file becomes exclusive. Returns whether the lock is now held.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
