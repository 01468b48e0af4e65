#!/usr/bin/env python3
"""The command line of Pacta."""

import os
import signal
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Run one command, with the embedded database up if the command needs it."""
    if sys.argv[1:2] == ["up"]:
        # Nothing has been started yet, so Ctrl-C may end the process at once. As an exception in
        # the midst of imports it can be swallowed by one of them, and the start would go on.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Imported here, because a setting that cannot be used ends the import.
    from config import env, servers

    try:
        with servers.serving_command(sys.argv, env.environment):
            execute_from_command_line(sys.argv)
    except servers.ServerError as error:
        sys.exit(f"pacta: {error}")


if __name__ == "__main__":
    main()
