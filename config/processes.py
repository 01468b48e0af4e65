"""How child processes begin: which end with their parent, and which give up root."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

NOBODY = 65534
_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_IS_LINUX = sys.platform == "linux"
# Loaded here: after a fork only plain calls are safe.
_libc = ctypes.CDLL(None, use_errno=True)


def preparation(
    *, on_parent_death: signal.Signals | None = None, is_root_given_up: bool = False
) -> Callable[[], None] | None:
    """Make the function that a child runs between fork and exec (`preexec_fn`).

    Args:
        on_parent_death: the signal that the kernel sends the child when the thread that started it
            ends in any way, `kill -9` included. Linux only: elsewhere nothing is sent.
        is_root_given_up: enter a user namespace in which the child is `nobody`, yet still owns the
            files that root owns outside. See `can_enter_user_namespace`.
    """
    if not _IS_LINUX or (on_parent_death is None and not is_root_given_up):
        return None
    parent = os.getpid()

    def prepare() -> None:
        if is_root_given_up:
            _enter_user_namespace()
        if on_parent_death is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(on_parent_death))
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)

    return prepare


def can_enter_user_namespace() -> bool:
    """Whether this process may start a child in a user namespace; containers often forbid it."""
    if not _IS_LINUX:
        return False
    try:
        subprocess.run(["true"], preexec_fn=_enter_user_namespace, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _enter_user_namespace() -> None:
    user, group = os.geteuid(), os.getegid()
    if _libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    own = Path("/proc/self")
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{NOBODY} {user} 1")
    (own / "gid_map").write_text(f"{NOBODY} {group} 1")
