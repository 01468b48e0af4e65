"""Record a bounced email that the mail server pipes to this command."""

from __future__ import annotations

import os
import sys

import pghistory
from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.utils import timezone

from compliance.domain.alerts.bounces import NoBounce
from compliance.operations.alerts import bounces

_MOST_READ = 1024 * 1024


class Command(BaseCommand):
    """Marks the address to which, according to a delivery report, email cannot be delivered."""

    help = (
        "Reads one email from standard input. If it reports (RFC 3464) that an email from Pacta "
        "cannot be delivered, marks the address and notifies the administrators."
    )

    def handle(self, *_args: object, **_options: object) -> None:
        """Read and record. Any input ends with status 0; otherwise the mail server would return
        the bounce to its sender.

        Raises:
            CommandError: the database is not reachable. The status makes mail servers retry.
        """
        mail = sys.stdin.buffer.read(_MOST_READ)
        # Mail servers report a failure if the email is not read to its end.
        while sys.stdin.buffer.read(_MOST_READ):
            pass
        try:
            with pghistory.context(command="record_bounce"):
                message = bounces.record(mail=mail, as_of=timezone.now())
        except NoBounce as reason:
            self.stdout.write(f"{reason} Nothing was changed.")
        except Error as error:
            sentence = "The database is not reachable. Retry the bounce later."
            raise CommandError(sentence, returncode=os.EX_TEMPFAIL) from error
        else:
            self.stdout.write(f"{message.recipient} is marked: email to it bounced.")
