"""The duties in an agreement and who stands on which side of them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from compliance.domain.vocabulary import Capacity, ObligationKind, RollUp, Severity
from compliance.models.agreements.agreements import Agreement, Milestone, Party
from compliance.models.choices import choice_field, one_of
from compliance.models.history import tracked


@tracked
class Obligation(models.Model):
    """One duty in an agreement. May be a component of a parent obligation."""

    agreement = models.ForeignKey(Agreement, on_delete=models.CASCADE, related_name="obligations")
    ref = models.CharField(max_length=64)
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True, default="")
    clause = models.CharField(max_length=200, blank=True, default="")
    kind = choice_field(ObligationKind, default=ObligationKind.ACHIEVE)
    due = models.JSONField(null=True, blank=True)
    grace = models.JSONField(null=True, blank=True)
    starts = models.JSONField(
        null=True, blank=True, help_text="When the period begins in which to maintain or refrain."
    )
    is_surviving = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Suspension and termination of the agreement do not reach this obligation.",
    )
    severity = choice_field(Severity, default=Severity.NORMAL)
    tags = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    owner = models.EmailField(null=True, blank=True)  # noqa: DJ001 -- absent, not empty
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="components"
    )
    roll_up = choice_field(RollUp, default=RollUp.ALL, db_default=RollUp.ALL)
    roll_up_share = models.DecimalField(
        max_digits=7,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="The share of its components that must be done.",
    )
    target_quantity = models.DecimalField(max_digits=20, decimal_places=6, null=True, blank=True)
    unit = models.CharField(max_length=200, blank=True, default="")
    ladder = models.JSONField(
        null=True, blank=True, help_text="When people are reminded, and told again of a miss."
    )
    parties: models.ManyToManyField[Party, ObligationParty] = models.ManyToManyField(
        Party, through="ObligationParty", related_name="obligations"
    )

    class Meta:
        ordering = ("agreement_id", "id")
        constraints = (
            one_of("kind", ObligationKind),
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
            # The target of the composite keys that keep parents, parties and deadlines within
            # the agreement of their obligation.
            models.UniqueConstraint(fields=["agreement", "id"], name="obligation_in_agreement"),
            models.CheckConstraint(
                name="obligation_target_positive", condition=models.Q(target_quantity__gt=0)
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
        return f"{self.ref} {self.title}"


@tracked
class ObligationParty(models.Model):
    """That a party owes an obligation, or is owed it."""

    # The agreement stands here too so that the database itself can refuse an obligor who is no
    # party to it: see the composite keys in the migrations.
    agreement = models.ForeignKey(
        Agreement, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    obligation = models.ForeignKey(
        Obligation, on_delete=models.CASCADE, related_name="sides", db_index=False
    )
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="sides", db_index=False)
    capacity = choice_field(Capacity)

    class Meta:
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
            # Read by the check that a party leaving an agreement has no duties in it.
            models.Index(fields=["agreement", "party"], name="obligationparty_membership"),
        )

    def __str__(self) -> str:
        return f"{self.party.code} {self.capacity} of {self.obligation.ref}"


class Dependency(models.Model):
    """That an obligation is counted from a milestone, or from what becomes of another obligation.

    Follows from the obligation's rules; kept so that what moves can find what hangs on it.
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
