"""Run all of Pacta: servers, web, workers and beat, under one supervisor."""

from __future__ import annotations

import http.client
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from config.env import BASE_DIR, environment
from standalone import preflight
from standalone.embedded import embedded_servers
from standalone.first_start import Credentials, create_first_data, migrate
from standalone.programs import programs
from standalone.server import Server, ServerError
from standalone.supervisor import NotReadyError, Supervisor
from standalone.welcome import login_text, reachable_host, welcome_text

_START_SECONDS = 120


class Command(BaseCommand):
    """Start everything. The first start also creates an administrator and loads the examples."""

    help = "Run Pacta: servers where needed, web, workers and beat. Ctrl-C stops everything."
    requires_system_checks: list[str] = []  # they take a second, and `make check` runs them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--prepare-only",
            action="store_true",
            help="migrate, create the administrator if there is none, and exit",
        )
        parser.add_argument(
            "--no-examples",
            action="store_true",
            help="do not load the example agreements on the first start",
        )

    def handle(self, *_args: object, **options: Any) -> None:
        """Run until a signal arrives, or only prepare the database.

        Raises:
            CommandError: a setting cannot be used; the message is one line that names it.
        """
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
        is_service = not options["prepare_only"]
        try:
            with ExitStack() as stack:
                raise_if_interrupted = stack.enter_context(_remembering_interrupts())
                stack.enter_context(preflight.only_instance(environment.var_dir))
                if is_service:
                    preflight.require_free_port(environment.host, environment.port)
                self.stdout.write(f"Starting Pacta; its data is in {environment.var_dir}")
                self.stdout.flush()
                servers = embedded_servers(environment)
                for server in servers:
                    stack.enter_context(server.running(is_owner=is_service))
                preflight.require_database()
                if is_service:
                    preflight.require_broker()
                migrate()
                preflight.require_row_security()
                raise_if_interrupted()
                credentials = create_first_data(
                    environment,
                    has_examples=not options["no_examples"],
                    # When only preparing, the output usually goes to a log: no place for a token.
                    has_token=is_service,
                )
                raise_if_interrupted()
                connection.close()
                if is_service:
                    self._supervise(servers, credentials)
                else:
                    self.stdout.write(login_text(environment, credentials))
        except ServerError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            sys.exit(130)

    def _supervise(self, servers: list[Server], credentials: Credentials) -> None:
        def revive_servers() -> None:
            for server in servers:
                if server.has_ended():
                    try:
                        server.start(is_owner=True)
                        self.stdout.write(f"{server.name} had ended and was started again")
                    except ServerError as error:
                        self.stderr.write(str(error))

        is_welcomed = False

        def welcome() -> None:
            nonlocal is_welcomed
            is_welcomed = True
            self.stdout.write(welcome_text(environment, credentials))
            self.stdout.flush()

        supervisor = Supervisor(
            programs(), folder=BASE_DIR, output=sys.stdout, each_second=revive_servers
        )
        try:
            supervisor.run(is_ready=_is_web_up, when_ready=welcome, patience=_START_SECONDS)
        except NotReadyError as error:
            sentence = f"the web server did not answer within {_START_SECONDS} s: see the log above"
            raise CommandError(sentence) from error
        finally:
            if credentials.password and not is_welcomed:
                # No later start can show the password.
                self.stdout.write(login_text(environment, credentials))


@contextmanager
def _remembering_interrupts() -> Iterator[Callable[[], None]]:
    """Let Ctrl-C raise KeyboardInterrupt as usual, and yield a function that raises it again.

    A migration or a driver may swallow the exception. Without the second chance, the start would
    continue although the user asked it to stop.
    """
    is_interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal is_interrupted
        is_interrupted = True
        raise KeyboardInterrupt

    def raise_if_interrupted() -> None:
        if is_interrupted:
            raise KeyboardInterrupt

    previous = signal.signal(signal.SIGINT, interrupt)
    try:
        yield raise_if_interrupted
    finally:
        signal.signal(signal.SIGINT, previous)


def _is_web_up() -> bool:
    host = reachable_host(environment.host).strip("[]")
    web = http.client.HTTPConnection(host, environment.port, timeout=2)
    try:
        web.request("GET", "/healthz")
        # A 4xx is an answer too: ALLOWED_HOSTS may not include the address used here.
        return web.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        web.close()
