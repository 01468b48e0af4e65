#!/usr/bin/env python3
"""The command line of Pacta."""

import os
import signal
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Run one command, with the embedded database up if the command needs it."""
    if sys.argv[1:2] == ["up"]:
        # Nothing has been started yet, so Ctrl-C may end the process at once. Raised as an
        # exception during imports, it could be swallowed by one of them.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Imported here because an invalid setting ends the process during the import.
    from config.env import environment
    from standalone.embedded import database_for_command
    from standalone.server import ServerError

    try:
        with database_for_command(sys.argv, environment):
            execute_from_command_line(sys.argv)
    except ServerError as error:
        sys.exit(f"pacta: {error}")


if __name__ == "__main__":
    main()
