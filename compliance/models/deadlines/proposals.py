"""Proposals: changes that wait for approval by a second person."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models

from compliance.domain.phrases import label
from compliance.domain.vocabulary import FactKind, ProposalState, ProposedChange
from compliance.models.agreements.agreements import Agreement
from compliance.models.choices import choice_field, one_of
from compliance.models.deadlines.deadlines import Deadline
from compliance.models.deadlines.facts import Fact
from compliance.models.history import tracked

_FACTS = (ProposedChange.FACT.value, ProposedChange.AGREEMENT_FACT.value)


class ProposalQuerySet(models.QuerySet["Proposal"]):
    """Row predicates of proposals."""

    def open(self) -> Self:
        """Proposals that await a decision."""
        return self.filter(state=ProposalState.OPEN.value)


@tracked
class Proposal(models.Model):
    """A change that one person proposes. It is made when another person approves it.

    A proposal to create an agreement, or to change a party or a calendar, is about no single
    agreement. One about a fact has its kind.
    """

    change = choice_field(
        ProposedChange, default=ProposedChange.FACT, db_default=ProposedChange.FACT
    )
    agreement = models.ForeignKey(
        Agreement, null=True, blank=True, on_delete=models.PROTECT, related_name="proposals"
    )
    deadline = models.ForeignKey(
        Deadline, null=True, blank=True, on_delete=models.PROTECT, related_name="proposals"
    )
    kind = choice_field(FactKind, null=True)
    draft = models.JSONField(help_text="The change, a fact for example, in the format of the API.")
    effect = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="What it would have changed when it was proposed.",
    )
    state = choice_field(ProposalState, default=ProposalState.OPEN)
    proposed_at = models.DateTimeField()
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.TextField(blank=True, default="", help_text="Why it was rejected.")
    fact = models.OneToOneField(
        Fact, null=True, blank=True, on_delete=models.PROTECT, related_name="proposal"
    )

    objects: ClassVar[models.Manager[Proposal]] = ProposalQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        permissions = (("approve_proposal", "Can approve proposals of other people"),)
        constraints = (
            one_of("change", ProposedChange),
            one_of("kind", FactKind),
            models.CheckConstraint(
                name="proposal_about_its_subject",
                condition=models.Q(
                    change=ProposedChange.FACT.value,
                    deadline__isnull=False,
                    agreement__isnull=False,
                    kind__isnull=False,
                )
                | (~models.Q(change=ProposedChange.FACT.value) & models.Q(deadline__isnull=True)),
            ),
            one_of("state", ProposalState),
            models.CheckConstraint(
                name="proposal_approved_by_another",
                condition=~models.Q(state=ProposalState.APPROVED.value)
                | ~models.Q(decided_by=models.F("proposed_by")),
            ),
            models.CheckConstraint(
                name="proposal_approved_is_a_fact",
                condition=models.Q(
                    change__in=_FACTS, state=ProposalState.APPROVED.value, fact__isnull=False
                )
                | (
                    ~models.Q(change__in=_FACTS, state=ProposalState.APPROVED.value)
                    & models.Q(fact__isnull=True)
                ),
            ),
            models.CheckConstraint(
                name="proposal_decided_by_someone",
                condition=models.Q(
                    state=ProposalState.OPEN.value, decided_at__isnull=True, decided_by__isnull=True
                )
                | (
                    ~models.Q(state=ProposalState.OPEN.value)
                    & models.Q(decided_at__isnull=False, decided_by__isnull=False)
                ),
            ),
        )

    def __str__(self) -> str:
        return f"{label(self.kind or self.change).capitalize()} proposed by {self.proposed_by}"


class ProposalNotificationQuerySet(models.QuerySet["ProposalNotification"]):
    """Row predicates of notifications about proposals."""

    def due(self, as_of: datetime) -> Self:
        """Those to send now. Those about archived agreements wait until they are restored."""
        return self.filter(
            models.Q(proposal__agreement__isnull=True)
            | models.Q(proposal__agreement__archived_at__isnull=True),
            next_attempt_at__lte=as_of,
        )


class ProposalNotification(models.Model):
    """The email about a proposal to one user who may approve it.

    It is written in the transaction of the proposal, so that no email is lost.
    """

    proposal = models.ForeignKey(
        Proposal, on_delete=models.PROTECT, related_name="notifications", db_index=False
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    next_attempt_at = models.DateTimeField(
        null=True, help_text="Empty once it was sent, refused or withdrawn."
    )
    attempt_count = models.PositiveSmallIntegerField(default=0, db_default=0)
    sent_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[ProposalNotification]] = (
        ProposalNotificationQuerySet.as_manager()
    )

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=["proposal", "user"], name="proposalnotification_once"),
        )
        indexes = (
            # Read by delivery when it claims notifications.
            models.Index(
                fields=["next_attempt_at"],
                name="proposalnotification_waiting",
                condition=models.Q(next_attempt_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.proposal}, to {self.user}"
