"""Make a token for the API."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.domain.problems import Invalid
from compliance.models import User
from compliance.operations.people.tokens import create_token
from config.env import environment


class Command(BaseCommand):
    """Print a new token. It is shown this once: only its hash is stored."""

    help = "Make an API token and print it. It acts with the rights of its user."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="what the token is for; unique")
        parser.add_argument("--read-only", action="store_true", help="it can never write")
        parser.add_argument(
            "--user",
            metavar="EMAIL",
            default=environment.admin_email,
            help="for whom it acts (default: %(default)s, from ADMIN_EMAIL)",
        )

    def handle(self, *_args: object, **options: Any) -> None:
        """Print the token, and nothing else, on standard output.

        Raises:
            CommandError: there is no such user, or the name is taken or unusable.
        """
        user = User.objects.filter(email__iexact=options["user"]).first()
        if user is None:
            sentence = f"There is no user {options['user']}: name one with --user."
            raise CommandError(sentence)
        try:
            token = create_token(name=options["name"], user=user, is_read_only=options["read_only"])
        except Invalid as error:
            raise CommandError("; ".join(each.detail for each in error.problems)) from error
        self.stdout.write(token)
