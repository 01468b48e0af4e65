"""Record outages of parts of the service, and notify administrators."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from compliance.delivery import administrator_mails, links
from compliance.domain.phrases import in_utc
from compliance.models import Outage

log = structlog.get_logger(__name__)

# The monitored parts, and what an outage of each means for users.
PARTS = {
    "sweep": "The sweep has stopped. Deadlines pass and nobody is notified.",
    "alerts": "Alerts are not being sent. The mail server or the delivery worker has stopped.",
    "audit": "The alert audit found missing alerts, or has stopped.",
    "database": "The database is not responding. Nobody can be notified.",
    "broker": "The broker is not responding. Workers receive no tasks.",
}
# The subjects of the emails about the beginning and the end of an outage.
_SUBJECTS = {
    "sweep": ("the sweep has stopped", "the sweep works again"),
    "alerts": ("alerts are not being sent", "alerts are being sent again"),
    "audit": ("the alert audit fails", "the alert audit passes again"),
    "broker": ("the broker is not responding", "the broker responds again"),
}


class OutageMonitor:
    """Compares failing parts with the known outages, and emails changes to the administrators.

    Only one of several web processes sends each email, because an outage is a row that can be
    created once. During a database outage, each process relies on its own memory: whether it has
    notified the administrators, and their last known addresses.
    """

    def __init__(self) -> None:
        self._has_reported_database = False
        self._administrators: list[str] = []

    def update(self, failing: Collection[str], *, as_of: datetime) -> None:
        """Record and report which of `PARTS` began to fail or recovered since the last call."""
        if "database" in failing:
            self._report_database(as_of)
            return
        self._has_reported_database = False
        self._administrators = administrator_mails.administrators()
        for part in PARTS.keys() - {"database"}:
            self._update_part(part, is_failing=part in failing, as_of=as_of)

    def _update_part(self, part: str, *, is_failing: bool, as_of: datetime) -> None:
        current = Outage.objects.filter(part=part, ended_at__isnull=True).first()
        if is_failing and current is None:
            try:
                with transaction.atomic():
                    current = Outage.objects.create(part=part, began_at=as_of)
            except IntegrityError:
                return
        if is_failing and current is not None and current.notified_at is None:
            # Mailed before it is stored, and again until the mail server accepts it. Mail clients
            # show repeated emails once, because they have the same Message-ID.
            if self._mail_outage(part, _SUBJECTS[part][0], f"outage{current.pk}began"):
                Outage.objects.filter(pk=current.pk).update(notified_at=as_of)
        elif not is_failing and current is not None:
            ended = Outage.objects.filter(pk=current.pk, ended_at__isnull=True)
            if ended.update(ended_at=as_of):
                lasted = f"The outage began on {in_utc(current.began_at.replace(second=0))}."
                self._mail(_SUBJECTS[part][1], [lasted], f"outage{current.pk}ended")

    def _report_database(self, as_of: datetime) -> None:
        if self._has_reported_database or not self._administrators:
            return
        name = f"outage.database.{as_of:%Y%m%d%H}"
        sent = self._mail_outage("database", "the database is not responding", name)
        self._has_reported_database = sent > 0

    def _mail_outage(self, part: str, subject: str, name: str) -> int:
        guide = "The operating guide says what to do. What fails now is listed here:"
        return self._mail(subject, [PARTS[part], guide, links.url("/readyz")], name)

    def _mail(self, subject: str, paragraphs: list[str], name: str) -> int:
        """Mail the administrators, and return how many emails were accepted."""
        log.error("outage", subject=subject)
        return administrator_mails.send(
            self._administrators, subject=subject, paragraphs=paragraphs, name=name
        )
