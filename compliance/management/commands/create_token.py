"""Create an API token."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.domain.problems import Invalid
from compliance.models import User
from compliance.operations.people.tokens import create_token
from config.env import environment


class Command(BaseCommand):
    """Create and print a token. It is shown once, because only its hash is stored."""

    help = "Create an API token and print it. It has the permissions of its user."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="what the token is for; unique")
        parser.add_argument("--read-only", action="store_true", help="the token can only read")
        parser.add_argument(
            "--user",
            metavar="EMAIL",
            default=environment.admin_email,
            help="the user of the token (default: %(default)s, from ADMIN_EMAIL)",
        )

    def handle(self, *_args: object, **options: Any) -> None:
        """Print only the token on standard output.

        Raises:
            CommandError: the user does not exist, or the name is taken or invalid.
        """
        user = User.objects.filter(email__iexact=options["user"]).first()
        if user is None:
            sentence = f"User {options['user']} does not exist. Give an existing user with --user."
            raise CommandError(sentence)
        try:
            token = create_token(name=options["name"], user=user, is_read_only=options["read_only"])
        except Invalid as error:
            raise CommandError("; ".join(each.detail for each in error.problems)) from error
        self.stdout.write(token)
