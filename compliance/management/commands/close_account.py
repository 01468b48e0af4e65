"""Close the account of somebody who leaves."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from compliance.domain.drafts import read
from compliance.domain.people.drafts import ClosingDraft
from compliance.domain.problems import Invalid
from compliance.models import User
from compliance.operations.people import closings


class Command(BaseCommand):
    """Closes an account, and prints what somebody must now take care of."""

    help = (
        "Close an account for good: end its sessions, API tokens, calendar feeds, subscriptions, "
        "roles and memberships, and optionally remove its name and address everywhere."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the account, the reason and the successor."""
        parser.add_argument("email", metavar="EMAIL", help="the address of the account")
        parser.add_argument("--reason", required=True, help="why; kept in the audit log")
        parser.add_argument("--successor", metavar="EMAIL", help="who takes over the obligations")
        parser.add_argument(
            "--pseudonymise",
            action="store_true",
            help="remove the name and the address everywhere; cannot be undone",
        )

    def handle(self, *_args: object, **options: Any) -> None:
        """Close the account.

        Raises:
            CommandError: there is no such account or successor.
        """
        user = User.objects.filter(email__iexact=options["email"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['email']}.")
        fields = {name: options[name] for name in ("reason", "successor", "pseudonymise")}
        try:
            draft = read(ClosingDraft, fields)
            closing = closings.close(user=user, draft=draft, by=None, as_of=timezone.now())
        except Invalid as error:
            raise CommandError(" ".join(each.detail for each in error.problems)) from error
        for sentence in closings.sentences(closing):
            self.stdout.write(sentence)
