"""Setup of child processes: end with the parent, and run without root."""

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
# Loaded at import time: between fork and exec only simple calls are safe.
_libc = ctypes.CDLL(None, use_errno=True)


def child_setup(
    *, on_parent_death: signal.Signals | None = None, drops_root: bool = False
) -> Callable[[], None] | None:
    """Return the function that a child runs between fork and exec (`preexec_fn`).

    Args:
        on_parent_death: the signal that the kernel sends to the child when the thread that started
            it ends in any way, including `kill -9`. Linux only; elsewhere nothing is sent.
        drops_root: enter a user namespace in which the child is `nobody` but still owns the files
            that root owns outside. See `can_enter_user_namespace`.
    """
    if not _IS_LINUX or (on_parent_death is None and not drops_root):
        return None
    parent = os.getpid()

    def prepare() -> None:
        if drops_root:
            _enter_user_namespace()
        if on_parent_death is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(on_parent_death))
            if os.getppid() != parent:  # the parent died before the request
                os._exit(1)

    return prepare


def can_enter_user_namespace() -> bool:
    """Return whether a child can enter a user namespace. Containers often forbid it."""
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
