"""Decides which embedded servers an environment needs, and when a command needs them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from config.env import Environment
from standalone.postgres import Postgres
from standalone.server import Server
from standalone.valkey import Valkey

# Commands of manage.py that need no database, or start their servers themselves. The list is
# short because most commands begin with system checks, and those query the permissions.
_COMMANDS_WITHOUT_DATABASE = frozenset(
    {"", "up", "help", "version", "collectstatic", "findstatic", "diffsettings"}
)


def embedded_servers(environment: Environment) -> list[Server]:
    """Return the servers that have no URL in this environment, so that we must run them."""
    servers: list[Server] = []
    if environment.database_url is None:
        servers.append(Postgres(environment.var_dir))
    if environment.redis_url is None:
        servers.append(Valkey(environment.var_dir))
    return servers


@contextmanager
def database_for_command(arguments: Sequence[str], environment: Environment) -> Iterator[None]:
    """Keep the embedded database up while a command of manage.py runs, if the command needs it.

    Args:
        arguments: the command line, starting with the program's name.
        environment: with DATABASE_URL set, this does nothing.

    Raises:
        ServerError: the database cannot be started.
    """
    command = arguments[1] if len(arguments) > 1 else ""
    is_needed = command not in _COMMANDS_WITHOUT_DATABASE and not {"--help", "-h", "--version"} & {
        *arguments
    }
    if environment.database_url is not None or not is_needed:
        yield
        return
    # Turn SIGTERM into an exception, so that `kill` stops the server too.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    with Postgres(environment.var_dir).running():
        yield
