"""Outages: parts of the service that stop, and that the administrators hear of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from compliance.delivery import administrator_mails
from compliance.models import Outage

log = structlog.get_logger(__name__)

# What is watched, and what it means for those who rely on it.
PARTS = {
    "sweep": "The sweep has stopped: deadlines pass and nobody is told.",
    "alerts": "Alerts are made and not sent: the mail server or the delivery worker stands still.",
    "audit": "The audit found alerts missing, or has stopped.",
    "database": "The database does not answer.",
    "broker": "The broker does not answer: no worker gets anything to do.",
}


class Watch:
    """Is told at each look which parts fail, and mails the administrators what is new.

    Of several web processes one tells: the outage is a row that can be made once. While the
    database is away each process keeps what it told in mind, and whom it last knew.
    """

    def __init__(self) -> None:
        self._told_without_database = False
        self._administrators: list[str] = []

    def note(self, failing: Collection[str], *, as_of: datetime) -> None:
        """Tell what began to fail, or works again, since the last look; of `PARTS`."""
        if "database" in failing:
            self._tell_without_database(as_of)
            return
        self._told_without_database = False
        self._administrators = administrator_mails.administrators()
        for part in PARTS.keys() - {"database"}:
            self._compare(part, is_failing=part in failing, as_of=as_of)

    def _compare(self, part: str, *, is_failing: bool, as_of: datetime) -> None:
        current = Outage.objects.filter(part=part, ended_at__isnull=True).first()
        if is_failing and current is None:
            try:
                with transaction.atomic():
                    current = Outage.objects.create(part=part, began_at=as_of)
            except IntegrityError:
                return
        if is_failing and current is not None and current.told_at is None:
            # Told before it is noted, and again until a server takes it; mail clients fold the two.
            if self._tell(f"{part} has stopped", PARTS[part], f"outage{current.pk}began"):
                Outage.objects.filter(pk=current.pk).update(told_at=as_of)
        elif not is_failing and current is not None:
            ended = Outage.objects.filter(pk=current.pk, ended_at__isnull=True)
            if ended.update(ended_at=as_of):
                since = f"It had stood still since {current.began_at:%Y-%m-%d %H:%M} UTC."
                self._tell(f"{part} works again", since, f"outage{current.pk}ended")

    def _tell_without_database(self, as_of: datetime) -> None:
        if self._told_without_database or not self._administrators:
            return
        name = f"outage.database.{as_of:%Y%m%d%H}"
        told = self._tell("the database does not answer", PARTS["database"], name)
        self._told_without_database = told > 0

    def _tell(self, subject: str, said: str, name: str) -> int:
        """How many mails were taken."""
        log.error("outage", subject=subject)
        return administrator_mails.send(
            self._administrators,
            subject=subject,
            paragraphs=[said, "See /readyz, and the section on this in the operating guide."],
            name=name,
        )
