"""Prepares the database: migrations and, on the first start, administrator, token and examples."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from compliance.domain.problems import Invalid
from compliance.models import Agreement, ApiToken
from compliance.models.reader_role import ensure_reader_role
from compliance.operations.people.roles import store_roles
from compliance.operations.people.setup import ensure_administrator
from compliance.operations.people.tokens import create_token
from config.env import BASE_DIR, Environment

_TOKEN_NAME = "first-start"


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """The secrets that this start created. None: an earlier start created them."""

    password: str | None = field(repr=False)
    token: str | None = field(repr=False)


def migrate() -> None:
    """Apply outstanding migrations. Much faster than the `migrate` command if there are none."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)
    else:
        ensure_reader_role()
        store_roles()  # which `migrate` does otherwise: an upgrade may change what a role can do


def create_first_data(
    environment: Environment, *, has_examples: bool, has_token: bool
) -> Credentials:
    """Create the administrator and, if there is none yet, load the examples and create a token.

    One transaction: if a start is interrupted, the next one is the first start again.

    Raises:
        CommandError: the password of the administrator is easy to guess.

    Args:
        environment: names the administrator.
        has_examples: load the example agreements into a database without agreements.
        has_token: create an API token.
    """
    with transaction.atomic():
        try:
            user, password = ensure_administrator(
                email=environment.admin_email, password=environment.admin_password
            )
        except Invalid as error:
            sentence = f"ADMIN_PASSWORD cannot be used: {error.problems[0].detail}"
            raise CommandError(sentence) from None
        if password is None:
            return Credentials(password=None, token=None)
        examples = sorted((BASE_DIR / "examples").glob("*.yaml")) if has_examples else []
        if examples and not Agreement.objects.exists():
            call_command("load_agreement", *map(str, examples), verbosity=0)
        token = None
        if has_token and not ApiToken.objects.filter(name=_TOKEN_NAME).exists():
            token = create_token(name=_TOKEN_NAME, user=user, is_read_only=False)
    return Credentials(password=password, token=token)
