"""Facts recorded about deadlines and agreements. Append-only: a later fact can supersede one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import orjson
from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from compliance.domain.civil_time import UnknownTimeZone, day_end, day_start
from compliance.domain.deadlines.explanations import FactSummary
from compliance.domain.deadlines.facts import Fact as DomainFact
from compliance.domain.due_dates.due_rules import Due
from compliance.domain.vocabulary import FactKind, Precision, Verdict
from compliance.models.agreements.agreements import Agreement
from compliance.models.agreements.obligations import Obligation
from compliance.models.append_only import append_only_but_purgeable
from compliance.models.bulk import array, fetch
from compliance.models.choices import choice_field, one_of
from compliance.models.deadlines.deadlines import Deadline, dues_of_facts
from compliance.models.evidence.evidence import Evidence


class Fact(models.Model):
    """A fact recorded about a deadline or a whole agreement. A later fact can supersede it."""

    deadline = models.ForeignKey(
        Deadline, null=True, on_delete=models.PROTECT, related_name="facts", db_index=False
    )
    agreement = models.ForeignKey(
        Agreement,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="facts",
        db_index=False,
        help_text="Set instead of the deadline for facts about the whole agreement.",
    )
    kind = choice_field(FactKind)
    effective_at = models.DateTimeField()
    effective_on = models.DateField(
        null=True, blank=True, help_text="Set if only the civil day is known."
    )
    precision = choice_field(Precision, null=True)
    until_at = models.DateTimeField(
        null=True, blank=True, help_text="The end of a violation or suspension, exclusive."
    )
    until_on = models.DateField(
        null=True, blank=True, help_text="Set if only the last civil day is known."
    )
    until_precision = choice_field(Precision, null=True)
    is_tolling = models.BooleanField(
        default=False, db_default=False, help_text="Whether a suspension moves the due date."
    )
    quantity = models.DecimalField(max_digits=20, decimal_places=6, null=True, blank=True)
    verdict = choice_field(Verdict, null=True)
    share = models.DecimalField(
        max_digits=7,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="The share of the whole that a determination accepts.",
    )
    is_final = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether a determination closes a deadline that is unmet.",
    )
    successor = models.ForeignKey(
        Obligation,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="replacements",
        db_index=False,
        help_text="The obligation that takes the place of the replaced one.",
    )
    due = models.JSONField(null=True, blank=True, help_text="The due rule of an extension.")
    due_on = models.DateField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    unmet_at = models.DateTimeField(null=True, blank=True)
    supersedes = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    note = models.TextField(blank=True, default="")
    evidence: models.ManyToManyField[Evidence, models.Model] = models.ManyToManyField(
        Evidence, related_name="facts", blank=True
    )
    recorded_at = models.DateTimeField()
    stored_at = models.DateTimeField(db_default=Now(), editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="The person who approved it, if approval was required.",
    )
    hash = models.BinaryField(
        null=True, max_length=32, help_text="Covers this fact and the hash of the previous one."
    )

    class Meta:
        ordering = ("id",)
        triggers = append_only_but_purgeable()
        constraints = (
            one_of("kind", FactKind),
            one_of("verdict", Verdict),
            one_of("precision", Precision),
            one_of("until_precision", Precision),
            models.CheckConstraint(
                name="fact_determination_has_verdict",
                condition=models.Q(kind=FactKind.DETERMINATION.value, verdict__isnull=False)
                | (
                    ~models.Q(kind=FactKind.DETERMINATION.value)
                    & models.Q(verdict__isnull=True, share__isnull=True)
                ),
            ),
            models.CheckConstraint(
                name="fact_final_determination",
                condition=models.Q(is_final=False)
                | models.Q(verdict__in=[Verdict.PARTLY_MET.value, Verdict.NOT_MET.value]),
            ),
            models.CheckConstraint(
                name="fact_replacement_has_successor",
                condition=models.Q(kind=FactKind.REPLACEMENT.value, successor__isnull=False)
                | (~models.Q(kind=FactKind.REPLACEMENT.value) & models.Q(successor__isnull=True)),
            ),
            models.CheckConstraint(
                name="fact_share_of_the_whole",
                condition=models.Q(share__isnull=True)
                | models.Q(
                    share__gt=0,
                    share__lt=1,
                    verdict=Verdict.PARTLY_MET.value,
                    quantity__isnull=True,
                ),
            ),
            models.CheckConstraint(
                name="fact_approved_by_another",
                condition=models.Q(approved_by__isnull=True)
                | models.Q(recorded_by__isnull=True)
                | ~models.Q(approved_by=models.F("recorded_by")),
            ),
            models.CheckConstraint(
                name="fact_of_a_deadline_or_an_agreement",
                condition=models.Q(deadline__isnull=False, agreement__isnull=True)
                | models.Q(deadline__isnull=True, agreement__isnull=False),
            ),
            models.CheckConstraint(
                name="fact_termination_of_an_agreement",
                condition=models.Q(
                    agreement__isnull=False,
                    kind__in=[
                        FactKind.SUSPENSION.value,
                        FactKind.TERMINATION.value,
                        FactKind.RETRACTION.value,
                    ],
                )
                | (models.Q(agreement__isnull=True) & ~models.Q(kind=FactKind.TERMINATION.value)),
            ),
            models.CheckConstraint(
                name="fact_sets_a_due_date",
                condition=models.Q(
                    kind=FactKind.EXTENSION.value,
                    due__isnull=False,
                    due_on__isnull=False,
                    due_at__isnull=False,
                    unmet_at__gte=models.F("due_at"),
                )
                | models.Q(
                    kind=FactKind.TRIGGER.value,
                    due__isnull=True,
                    due_on__isnull=False,
                    due_at__isnull=False,
                    unmet_at__gte=models.F("due_at"),
                )
                | (
                    # An extension without a date postpones the deadline.
                    ~models.Q(kind=FactKind.TRIGGER.value)
                    & models.Q(
                        due__isnull=True,
                        due_on__isnull=True,
                        due_at__isnull=True,
                        unmet_at__isnull=True,
                    )
                ),
            ),
            models.CheckConstraint(
                name="fact_lasts_until_later",
                condition=models.Q(until_at__isnull=True, until_on__isnull=True)
                | models.Q(
                    kind__in=[
                        FactKind.VIOLATION.value,
                        FactKind.SUSPENSION.value,
                        FactKind.RETRACTION.value,
                    ],
                    until_at__gt=models.F("effective_at"),
                ),
            ),
            models.CheckConstraint(
                name="fact_only_suspensions_toll",
                condition=models.Q(is_tolling=False) | models.Q(kind=FactKind.SUSPENSION.value),
            ),
            models.CheckConstraint(
                name="fact_restatement_has_quantity",
                condition=~models.Q(kind=FactKind.RESTATEMENT.value)
                | models.Q(quantity__isnull=False),
            ),
            models.CheckConstraint(
                name="fact_retraction_supersedes",
                condition=~models.Q(kind=FactKind.RETRACTION.value)
                | models.Q(supersedes__isnull=False),
            ),
            models.CheckConstraint(
                name="fact_supersedes_an_earlier_one",
                condition=models.Q(supersedes__isnull=True)
                | models.Q(supersedes__lt=models.F("id")),
            ),
            models.CheckConstraint(
                name="fact_counts_something",
                condition=models.Q(quantity__isnull=True)
                | models.Q(
                    quantity__gt=0,
                    kind__in=[FactKind.PERFORMANCE.value, FactKind.DETERMINATION.value],
                )
                # A measured value, and the target of one, may be negative.
                | models.Q(kind__in=[FactKind.MEASUREMENT.value, FactKind.RESTATEMENT.value]),
            ),
            models.CheckConstraint(
                name="fact_measurement_has_quantity",
                condition=~models.Q(kind=FactKind.MEASUREMENT.value)
                | models.Q(quantity__isnull=False),
            ),
        )
        indexes = (
            # Read by the projection, which loads the facts of the deadlines it refreshes.
            models.Index(fields=["deadline", "id"], name="fact_of_deadline"),
            # Also read by the projection: facts about whole agreements.
            models.Index(
                fields=["agreement", "id"],
                name="fact_of_agreement",
                condition=models.Q(agreement__isnull=False),
            ),
            # Read by the pages of obligations, which name what they replace.
            models.Index(
                fields=["successor"],
                name="fact_of_successor",
                condition=models.Q(successor__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.effective_at:%Y-%m-%d %H:%M}Z"

    @property
    def successor_name(self) -> str:
        """The successor with its agreement, as text; empty without one."""
        if self.successor is None:
            return ""
        return f"{self.successor.ref} of {self.successor.agreement.ref}"


def fact_of(
    row: Mapping[str, Any], timezone: str, dues: Mapping[int, Due] | None = None
) -> DomainFact:
    """Return a stored fact as a domain value.

    Civil days are authoritative; their instants follow the zone, which may have been corrected.
    The same goes for the due dates of extensions and triggers: `dues` holds the latest ones.

    Raises:
        UnknownTimeZone: the fact has a civil day, and the zone data no longer has the zone.
    """
    due = dues.get(row["id"]) if dues else None
    if due is None and row["due_at"] is not None:
        due = Due(
            due_on=row["due_on"],
            due_at=row["due_at"],
            unmet_at=row["unmet_at"],
            timezone=timezone,
        )
    return DomainFact(
        id=row["id"],
        kind=FactKind(row["kind"]),
        effective_at=day_start(row["effective_on"], timezone)
        if row["effective_on"]
        else row["effective_at"],
        effective_on=row["effective_on"],
        precision=Precision(row["precision"] or Precision.DAY),
        until_at=day_end(row["until_on"], timezone) if row["until_on"] else row["until_at"],
        until_on=row["until_on"],
        tolls=row["is_tolling"],
        is_of_agreement=row["agreement_id"] is not None,
        quantity=row["quantity"],
        verdict=Verdict(row["verdict"]) if row["verdict"] else None,
        share=row["share"],
        is_final=row["is_final"],
        due=due,
        supersedes=row["supersedes_id"],
        recorded_at=row["recorded_at"],
    )


def fact_summaries(ids: Iterable[int | None]) -> dict[int, FactSummary]:
    """Return the values that an explanation needs of stored facts, by id. None means no fact."""
    rows = Fact.objects.filter(pk__in={each for each in ids if each is not None})
    rows = rows.select_related("successor__agreement", "approved_by")
    rows = rows.prefetch_related("evidence")
    return {fact.pk: fact_summary(fact) for fact in rows}


def fact_summary(fact: Fact) -> FactSummary:
    """Return the values that an explanation needs of a stored fact with its evidence loaded."""
    return FactSummary(
        kind=FactKind(fact.kind),
        effective_at=fact.effective_at,
        effective_on=fact.effective_on,
        precision=Precision(fact.precision or Precision.DAY),
        quantity=fact.quantity,
        verdict=Verdict(fact.verdict) if fact.verdict else None,
        share=fact.share,
        is_final=fact.is_final,
        successor=fact.successor_name,
        note=fact.note,
        evidence=tuple(each.ref for each in fact.evidence.all()),
        approved_by="" if fact.approved_by is None else fact.approved_by.email,
    )


def chained_fact(row: Mapping[str, Any], evidence_ids: Iterable[int]) -> list[object]:
    """Return the values covered by the hash of a fact, including its evidence."""
    values = [row[name] for name in _CHAINED]
    due = row["due"]
    rule = None if due is None else orjson.dumps(due, option=orjson.OPT_SORT_KEYS).decode()
    later = [[name, row[name]] for name in _CHAINED_IF_SET if row[name]]
    return [*values, rule, sorted(evidence_ids), *later]


_CHAINED = (
    "id", "stored_at", "deadline_id", "agreement_id", "kind", "effective_at", "effective_on",
    "until_at", "until_on", "is_tolling", "quantity", "verdict", "share", "due_on", "due_at",
    "unmet_at", "supersedes_id", "note", "recorded_at", "recorded_by_id", "approved_by_id",
)  # fmt: skip


# Columns that were added later. They are covered by name and only where they are set, so that the
# hashes of older facts remain valid.
_CHAINED_IF_SET = ("is_final", "successor_id", "precision", "until_precision")


def facts_about(
    deadlines: Iterable[Any],
    *,
    surviving: Collection[int] = (),
    failures: dict[int, UnknownTimeZone] | None = None,
) -> dict[int, list[DomainFact]]:
    """Return the facts about deadlines by deadline id, including those about their agreements.

    `deadlines` are rows with `id`, `agreement_id`, `timezone` and `moves`. Facts about the
    agreement do not apply to the deadlines whose ids are in `surviving`.

    Args:
        failures: collects, by deadline, the errors that would otherwise be raised. Do not use the
            facts about these deadlines: some are missing.

    Raises:
        UnknownTimeZone: a fact has a civil day, and the zone data no longer has the zone.
    """
    rows = list(deadlines)

    def add(row: Any, fact: Mapping[str, Any], dues: Mapping[int, Due] | None = None) -> None:
        facts = found[row.id]
        try:
            facts.append(fact_of(fact, row.timezone, dues))
        except UnknownTimeZone as error:
            if failures is None:
                raise
            failures[row.id] = error

    found: dict[int, list[DomainFact]] = defaultdict(list)
    by_id = {row.id: row for row in rows}
    touched = {each for (each,) in fetch(_WITH_FACTS, ids=array(list(by_id)))}
    dues = {pk: dues_of_facts(by_id[pk].moves) for pk in touched}
    for fact in Fact.objects.filter(deadline_id__in=touched).values():
        pk = fact["deadline_id"]
        add(by_id[pk], fact, dues[pk])
    agreements = list({row.agreement_id for row in rows})
    affected = {each for (each,) in fetch(_AGREEMENTS_WITH_FACTS, ids=array(agreements))}
    if affected:
        general: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for fact in Fact.objects.filter(agreement_id__in=affected).values():
            general[fact["agreement_id"]].append(fact)
        for row in rows:
            if row.agreement_id in affected and row.id not in surviving:
                for each in general[row.agreement_id]:
                    add(row, each)
    return found


_WITH_FACTS = """
    SELECT DISTINCT deadline_id FROM compliance_fact WHERE deadline_id = ANY(%(ids)s::bigint[])
"""

_AGREEMENTS_WITH_FACTS = """
    SELECT DISTINCT agreement_id FROM compliance_fact WHERE agreement_id = ANY(%(ids)s::bigint[])
"""
