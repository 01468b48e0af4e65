"""Quantities and targets in words."""

from __future__ import annotations

from decimal import Decimal

from compliance.domain.deadlines.reasons import REASON_SENTENCES
from compliance.domain.phrases import label
from compliance.domain.quantities import number_text
from compliance.domain.vocabulary import Reason, Status, TargetBound


def amount_text(quantity: Decimal, unit: str) -> str:
    """Return a quantity with its unit."""
    return f"{number_text(quantity)} {unit}".strip()


def target_text(quantity: Decimal, bound: TargetBound, unit: str) -> str:
    """Return a target as `at most 100 kt`."""
    return f"{label(bound)} {amount_text(quantity, unit)}"


def measured_sentence(reason: Reason, status: Status) -> str:
    """Return why a measurement led to a status."""
    if reason is Reason.PERFORMED_IN_WINDOW:
        return "The value in force kept to the target under one reading of the due date."
    if reason is Reason.MEASURED and status in {Status.MET, Status.MET_LATE}:
        return "The value in force keeps to the target."
    return REASON_SENTENCES[reason]


def amounts_sentences(
    *,
    performed: Decimal | None,
    measured: Decimal | None,
    target: Decimal | None,
    bound: TargetBound,
    unit: str,
) -> str:
    """Return how much was performed or measured, in sentences that follow others."""
    if target is None:
        return ""
    found = ""
    if measured is not None:
        found = (
            f" The value is {amount_text(measured, unit)}; the target is "
            f"{target_text(target, bound, unit)}."
        )
    if performed is not None and (performed or measured is None):
        found += f" That makes {number_text(performed)} of {amount_text(target, unit)}."
    return found
