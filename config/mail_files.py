"""An email backend that writes files, for installations without a mail server."""

from __future__ import annotations

import os
from collections.abc import Sequence

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from compliance.domain.phrases import one_line

log = structlog.get_logger(__name__)


class EmailBackend(BaseEmailBackend):
    """Writes each email to VAR_DIR/mail, to an `.eml` file named after its Message-ID."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the emails and return how many. A repeated email replaces its file.

        Raises:
            OSError: the directory is not writable.
        """
        directory = settings.VAR_DIR / "mail"
        directory.mkdir(parents=True, exist_ok=True)
        for mail in email_messages:
            content = mail.message()
            name = "".join(
                each for each in content["Message-ID"].partition("@")[0] if each.isalnum()
            )
            path = directory / f"{name}.eml"
            draft = path.with_suffix(f".{os.getpid()}")
            draft.write_bytes(content.as_bytes())
            draft.replace(path)
            log.info("email written", path=str(path), subject=one_line(str(mail.subject)))
        return len(email_messages)
