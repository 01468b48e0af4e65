"""Take in a mail that came back, as the mail server pipes it to a command."""

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
    """Mark the address that a delivery report says a mail of ours could not be delivered to."""

    help = (
        "Reads one mail from standard input. If it reports (RFC 3464) that a mail of ours will "
        "never arrive, marks the address and tells the administrators; prints what was done."
    )

    def handle(self, *_args: object, **_options: object) -> None:
        """Read and record. Whatever comes in, it ends well: any other end, and the mail server
        would send the bounce back to where it came from.

        Raises:
            CommandError: the database is away, with the status by which mail servers try again.
        """
        mail = sys.stdin.buffer.read(_MOST_READ)
        # Mail servers take it for a failure when a mail is not read to its end.
        while sys.stdin.buffer.read(_MOST_READ):
            pass
        try:
            with pghistory.context(command="record_bounce"):
                message = bounces.record(mail=mail, as_of=timezone.now())
        except NoBounce as reason:
            self.stdout.write(f"{reason} Nothing was changed.")
        except Error as error:
            sentence = "The database cannot be reached: the bounce is to be handed in again."
            raise CommandError(sentence, returncode=os.EX_TEMPFAIL) from error
        else:
            self.stdout.write(f"{message.recipient} is marked: a mail to it came back.")
