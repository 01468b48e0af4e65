"""Run the whole of Pacta: servers, web, workers and beat, under one supervisor."""

from __future__ import annotations

import fcntl
import http.client
import signal
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from kombu import Connection
from kombu.exceptions import KombuError

from compliance.models import Agreement, ApiToken
from compliance.operations.people.setup import ensure_administrator
from compliance.operations.people.tokens import create_token
from config.env import BASE_DIR, environment
from config.programs import programs
from config.servers import Server, ServerError, embedded
from config.supervisor import NotReadyError, Supervisor

_TOKEN_NAME = "first-start"
_START_SECONDS = 120
_UNMET = "/api/v1/deadlines/?status=unmet"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Welcome:
    """What is told once, on the start that made it. None: it was made before."""

    password: str | None
    token: str | None


class Command(BaseCommand):
    """Start everything; the first start also makes an administrator and loads the examples."""

    help = "Run Pacta: servers where needed, web, workers and beat. Ctrl-C stops all."
    requires_system_checks: list[str] = []  # `make check` runs them; here they cost a second

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--prepare-only",
            action="store_true",
            help="migrate, see that there is an administrator, and end",
        )
        parser.add_argument(
            "--no-examples", action="store_true", help="load no example agreements on first start"
        )

    def handle(self, *_args: object, **options: Any) -> None:
        """Run until stopped.

        Raises:
            CommandError: a setting cannot be used; the one line names it.
        """
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
        try:
            with ExitStack() as stack:
                stop_if_asked = stack.enter_context(_noting_interrupts())
                stack.enter_context(_only_one())
                if not options["prepare_only"]:
                    _require_free_port()
                self.stdout.write(f"Pacta starts; its data is in {environment.var_dir}")
                self.stdout.flush()
                servers = embedded(environment)
                for server in servers:
                    stack.enter_context(server.running(is_owner=not options["prepare_only"]))
                _require_database()
                if not options["prepare_only"]:
                    _require_broker()
                _migrate()
                stop_if_asked()
                welcome = _first_start(
                    has_examples=not options["no_examples"],
                    # Where nobody watches, the output is a log, and no place for a token.
                    has_token=not options["prepare_only"],
                )
                stop_if_asked()
                connection.close()
                if options["prepare_only"]:
                    self._tell_login(welcome)
                else:
                    self._supervise(servers, welcome)
        except ServerError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            sys.exit(130)

    def _supervise(self, servers: list[Server], welcome: _Welcome) -> None:
        def revive() -> None:
            for server in servers:
                if server.has_ended():
                    try:
                        server.start(is_owner=True)
                        self.stdout.write(f"{server.name} had ended and was started again")
                    except ServerError as error:
                        self.stderr.write(str(error))

        is_told = False

        def tell() -> None:
            nonlocal is_told
            is_told = True
            self._tell(welcome)

        supervisor = Supervisor(programs(), folder=BASE_DIR, output=sys.stdout, each_second=revive)
        try:
            supervisor.run(is_ready=_is_web_up, when_ready=tell, patience=_START_SECONDS)
        except NotReadyError as error:
            sentence = f"the web did not answer within {_START_SECONDS} s: see the lines above"
            raise CommandError(sentence) from error
        finally:
            if welcome.password and not is_told:
                self._tell_login(welcome)  # no later start can

    def _tell(self, welcome: _Welcome) -> None:
        address = f"http://{_reachable_host()}:{environment.port}"
        self.stdout.write(f"\nPacta runs at {address}   Ctrl-C stops it.")
        self._tell_login(welcome)
        if environment.email_url is None:
            self.stdout.write(f"  mail:  kept in {environment.var_dir / 'mail'} (set EMAIL_URL)")
        shown = welcome.token or "TOKEN"
        self.stdout.write(
            f'  what is unmet:\n  curl -H "Authorization: Bearer {shown}" "{address}{_UNMET}"\n'
        )
        self.stdout.flush()

    def _tell_login(self, welcome: _Welcome) -> None:
        if welcome.password is None:
            password = f"password as before (`{_manage()} changepassword EMAIL` sets another)"
        elif environment.admin_password:
            password = "password as in ADMIN_PASSWORD"
        else:
            password = f"password {welcome.password}"
        self.stdout.write(f"  admin: /admin/  {environment.admin_email}  {password}")
        token = welcome.token or f"shown when made; `{_manage()} create_token NAME` makes one"
        self.stdout.write(f"  token: {token}")


@contextmanager
def _noting_interrupts() -> Iterator[Callable[[], None]]:
    """Ctrl-C as ever; and a way to ask afterwards whether there was one.

    A migration or a driver in whose hands the exception is raised may swallow it, and the start
    would go on as if nobody had asked it to stop.
    """
    is_asked = False

    def note(*_: object) -> None:
        nonlocal is_asked
        is_asked = True
        raise KeyboardInterrupt

    def stop_if_asked() -> None:
        if is_asked:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield stop_if_asked
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _only_one() -> Iterator[None]:
    path = environment.var_dir / "up.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        sentence = (
            f"{error.filename} cannot be written ({error.strerror}): "
            "make it writable, or name another folder in VAR_DIR"
        )
        raise CommandError(sentence) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sentence = (
                f"Pacta runs already on {environment.var_dir}: stop it first, "
                "or name another folder in VAR_DIR (and another PORT)"
            )
            raise CommandError(sentence) from None
        yield


def _require_free_port() -> None:
    family = socket.AF_INET6 if ":" in environment.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((environment.host, environment.port))
        except OSError as error:
            sentence = (
                f"PORT {environment.port} on {environment.host} cannot be used "
                f"({error.strerror}): stop what holds it, or set PORT to another"
            )
            raise CommandError(sentence) from error


def _require_database() -> None:
    # Past the pool, which says only that it waited in vain.
    parameters = connection.get_connection_params()
    try:
        psycopg.connect(**parameters).close()
    except psycopg.Error as error:
        raise CommandError(_unreachable("DATABASE_URL", error)) from error


def _require_broker() -> None:
    try:
        with Connection(settings.BROKER_URL, connect_timeout=5) as broker:
            broker.ensure_connection(max_retries=1, timeout=5)
    except (OSError, KombuError, ValueError, KeyError) as error:
        raise CommandError(_unreachable("REDIS_URL", error)) from error


def _unreachable(setting: str, error: Exception) -> str:
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "no answer")
    return f"{setting} cannot be used ({reason}): correct it, or unset it for the embedded server"


def _migrate() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


def _first_start(*, has_examples: bool, has_token: bool) -> _Welcome:
    # All or nothing: a start that is cut short is the first one again.
    with transaction.atomic():
        user, password = ensure_administrator(
            email=environment.admin_email, password=environment.admin_password
        )
        if password is None:
            return _Welcome(password=None, token=None)
        examples = sorted((BASE_DIR / "examples").glob("*.yaml")) if has_examples else []
        if examples and not Agreement.objects.exists():
            call_command("load_agreement", *map(str, examples), verbosity=0)
        token = None
        if has_token and not ApiToken.objects.filter(name=_TOKEN_NAME).exists():
            token = create_token(name=_TOKEN_NAME, user=user, is_read_only=False)
    return _Welcome(password=password, token=token)


def _manage() -> str:
    """What to type for manage.py."""
    python = Path(sys.executable)
    return (
        f"{python.relative_to(BASE_DIR) if python.is_relative_to(BASE_DIR) else python} manage.py"
    )


def _reachable_host() -> str:
    if environment.host in {"0.0.0.0", "::", ""}:  # noqa: S104 -- compared, not bound
        return "127.0.0.1"
    return f"[{environment.host}]" if ":" in environment.host else environment.host


def _is_web_up() -> bool:
    web = http.client.HTTPConnection(_reachable_host().strip("[]"), environment.port, timeout=2)
    try:
        web.request("GET", "/healthz")
        # A refusal is an answer too: ALLOWED_HOSTS may not name the address that we ask at.
        return web.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        web.close()
