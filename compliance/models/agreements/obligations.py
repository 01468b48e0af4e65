"""Obligations, their obligors and obligees, and what they depend on."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now

from compliance.domain.phrases import shortened
from compliance.domain.vocabulary import (
    Capacity,
    ObligationKind,
    Precision,
    RollUp,
    Severity,
    TargetBound,
)
from compliance.models.agreements.agreements import (
    Agreement,
)
from compliance.models.agreements.milestones import Milestone
from compliance.models.agreements.parties import Party
from compliance.models.choices import choice_field, one_of, precision_field
from compliance.models.history import tracked, tracked_except


@tracked_except("recorded_at")
class Obligation(models.Model):
    """One duty under an agreement. It may be a component of a parent obligation."""

    # Two unique keys begin with it. Without statistics, PostgreSQL would check composite keys by an
    # index on it alone, and read all obligations of the agreement for each row.
    agreement = models.ForeignKey(
        Agreement, on_delete=models.CASCADE, related_name="obligations", db_index=False
    )
    ref = models.CharField(max_length=64)
    title = models.CharField(max_length=1000)
    text = models.TextField(blank=True, default="")
    clause = models.CharField(max_length=200, blank=True, default="")
    kind = choice_field(ObligationKind, default=ObligationKind.ACHIEVE)
    due = models.JSONField(null=True, blank=True)
    grace = models.JSONField(null=True, blank=True)
    binds_on = models.DateField(
        null=True, blank=True, help_text="The day from which it binds, if it states one."
    )
    binds_on_precision = precision_field()
    starts = models.JSONField(
        null=True, blank=True, help_text="When the period to maintain or refrain begins."
    )
    survives_termination = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Suspending or terminating the agreement does not affect this obligation.",
    )
    severity = choice_field(Severity, default=Severity.NORMAL)
    tags = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    # The composite key `obligation_parent_same_agreement` enforces it.
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="components",
        db_constraint=False,
    )  # fmt: skip
    roll_up = choice_field(RollUp, default=RollUp.ALL, db_default=RollUp.ALL)
    roll_up_share = models.DecimalField(
        max_digits=7,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="The share of components that must be complete.",
    )
    target_quantity = models.DecimalField(max_digits=20, decimal_places=6, null=True, blank=True)
    target_bound = choice_field(
        TargetBound, default=TargetBound.AT_LEAST, db_default=TargetBound.AT_LEAST
    )
    unit = models.CharField(max_length=200, blank=True, default="")
    notification_policy = models.JSONField(
        null=True, blank=True, help_text="When reminders and escalations are sent."
    )
    recorded_at = models.DateTimeField(
        db_default=Now(),
        help_text="When it became known. Queries about what was known before do not find it.",
    )
    parties: models.ManyToManyField[Party, ObligationParty] = models.ManyToManyField(
        Party, through="ObligationParty", related_name="obligations"
    )

    class Meta:
        ordering = ("agreement_id", "id")
        constraints = (
            one_of("kind", ObligationKind),
            one_of("binds_on_precision", Precision),
            one_of("severity", Severity),
            one_of("roll_up", RollUp),
            models.CheckConstraint(
                name="obligation_roll_up_share",
                condition=models.Q(
                    roll_up=RollUp.SHARE.value, roll_up_share__gt=0, roll_up_share__lte=1
                )
                | (~models.Q(roll_up=RollUp.SHARE.value) & models.Q(roll_up_share__isnull=True)),
            ),
            models.UniqueConstraint(fields=["agreement", "ref"], name="obligation_ref_once"),
            # The target of the composite keys that keep the parents, parties and deadlines of an
            # obligation in its agreement.
            models.UniqueConstraint(fields=["agreement", "id"], name="obligation_in_agreement"),
            one_of("target_bound", TargetBound),
            models.CheckConstraint(
                name="obligation_target_positive",
                condition=models.Q(target_quantity__gt=0)
                # A measured value may be negative.
                | models.Q(target_bound=TargetBound.AT_MOST.value)
                | ~models.Q(kind=ObligationKind.ACHIEVE.value),
            ),
            models.CheckConstraint(
                name="obligation_bound_of_a_target",
                condition=models.Q(target_quantity__isnull=False)
                | models.Q(target_bound=TargetBound.AT_LEAST.value),
            ),
            models.CheckConstraint(
                name="obligation_starts_of_a_period",
                condition=models.Q(starts__isnull=True)
                | ~models.Q(kind=ObligationKind.ACHIEVE.value),
            ),
            models.CheckConstraint(
                name="obligation_not_its_own_parent",
                condition=models.Q(parent__isnull=True) | ~models.Q(parent=models.F("id")),
            ),
        )
        indexes = (
            # Read by the `tag` filter of obligations and deadlines.
            GinIndex(fields=["tags"], name="obligation_tags"),
        )

    def __str__(self) -> str:
        return f"{self.ref} {shortened(self.title, 100)}"


@tracked
class ObligationParty(models.Model):
    """A party that owes an obligation or is owed it."""

    # Repeated here so that the database can reject an obligor that is not a party to the
    # agreement: see the composite keys in the migrations.
    # Two composite keys, `obligationparty_same_agreement` and `obligationparty_is_party`, enforce
    # all three. Each key costs a look-up per row.
    agreement = models.ForeignKey(
        Agreement, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    obligation = models.ForeignKey(
        Obligation, on_delete=models.CASCADE, related_name="sides", db_index=False,
        db_constraint=False,
    )  # fmt: skip
    party = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="sides", db_index=False, db_constraint=False
    )
    capacity = choice_field(Capacity)

    class Meta:
        verbose_name = "party of an obligation"
        verbose_name_plural = "parties of obligations"
        ordering = ("id",)
        constraints = (
            one_of("capacity", Capacity),
            models.UniqueConstraint(
                fields=["obligation", "capacity", "party"], name="obligationparty_once"
            ),
        )
        indexes = (
            # Read by the `obligor` and `obligee` filters of deadlines.
            models.Index(
                fields=["party", "capacity", "obligation"], name="obligationparty_by_party"
            ),
            # Read when a party leaves an agreement, to check that it has no obligations there.
            models.Index(fields=["agreement", "party"], name="obligationparty_membership"),
        )

    def __str__(self) -> str:
        return f"{self.party.code} {self.capacity} of {self.obligation.ref}"


class Dependency(models.Model):
    """The dependency of an obligation's rules on a milestone or on another obligation.

    Derived from the rules, and stored so that the dependents of a changed row can be found.
    """

    obligation = models.ForeignKey(
        Obligation, on_delete=models.CASCADE, related_name="dependencies"
    )
    milestone = models.ForeignKey(
        Milestone, null=True, on_delete=models.CASCADE, related_name="dependents"
    )
    on = models.ForeignKey(
        Obligation, null=True, on_delete=models.CASCADE, related_name="dependents"
    )

    class Meta:
        verbose_name_plural = "dependencies"
        constraints = (
            models.CheckConstraint(
                name="dependency_on_one_thing",
                condition=models.Q(milestone__isnull=True, on__isnull=False)
                | models.Q(milestone__isnull=False, on__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.obligation_id} on {self.milestone or self.on}"
