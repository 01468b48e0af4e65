"""Mail as files, for where no mail server is configured: one `.eml` for each message."""

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
    """Writes mails under VAR_DIR, named after their Message-ID: a repetition replaces."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the mails. Returns how many.

        Raises:
            OSError: the folder cannot be written.
        """
        folder = settings.VAR_DIR / "mail"
        folder.mkdir(parents=True, exist_ok=True)
        for mail in email_messages:
            content = mail.message()
            name = "".join(
                each for each in content["Message-ID"].partition("@")[0] if each.isalnum()
            )
            path = folder / f"{name}.eml"
            draft = path.with_suffix(f".{os.getpid()}")
            draft.write_bytes(content.as_bytes())
            draft.replace(path)
            log.info("mail kept as a file", path=str(path), subject=one_line(content["Subject"]))
        return len(email_messages)
