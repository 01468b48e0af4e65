"""Refuse corrections that make deadlines unmet at once, unless somebody confirms them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime

from compliance.domain import phrases
from compliance.domain.civil_time import UnknownTimeZone
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.timeline import BREACHED
from compliance.domain.problems import refusal
from compliance.models import Agreement, Deadline
from compliance.models.deadlines.fact_values import facts_about
from compliance.models.deadlines.terms import duty_of, terms_of


@contextmanager
def refusing_surprises(
    agreement: Agreement,
    *,
    as_of: datetime,
    is_confirmed: bool,
    except_obligations: Collection[str] = (),
) -> Iterator[None]:
    """Compare the deadlines of an agreement before and after a correction.

    The correction runs inside the block, in a transaction that the refusal rolls back. It is the
    real one, so that the comparison is exact.

    Args:
        except_obligations: the refs of obligations that may be unmet, because they are new.

    Raises:
        Invalid: a deadline that was not unmet, or did not exist, is unmet after the correction, and
            that is not confirmed (at `confirm`).
    """
    if is_confirmed:
        yield
        return
    deadlines = Deadline.objects.filter(agreement=agreement)
    unmet = deadlines.filter(status__in=[each.value for each in BREACHED], is_closed=False)
    unmet = unmet.exclude(obligation__ref__in=except_obligations).order_by("status_since", "id")
    before = set(unmet.values_list("id", flat=True)) | _unmet_since_the_sweep(agreement, as_of)
    yield
    found = list(unmet.exclude(pk__in=before).select_related("obligation")[:2])
    if not found:
        return
    first, count = found[0], unmet.exclude(pk__in=before).count()
    since = phrases.in_utc(first.status_since)
    ref, status = first.obligation.ref, phrases.label(first.status)
    effect = f"mean that {ref} has been {status} since {since}"
    if count > 1:
        unmet_count = phrases.counted(count, "deadline")
        effect = f"make {unmet_count} unmet, the first of them {ref} since {since}"
    sentence = f"This would {effect}. If that is intended, confirm it."
    raise refusal("confirm", sentence)


def _unmet_since_the_sweep(agreement: Agreement, as_of: datetime) -> set[int]:
    """Return the deadlines that the next sweep makes unmet anyway, whatever the correction."""
    passed = list(
        Deadline.objects.filter(agreement=agreement, next_check_at__lte=as_of).select_related(
            "obligation"
        )
    )
    duties = {each.pk: duty_of(each.obligation) for each in passed}
    surviving = {pk for pk, duty in duties.items() if duty.survives_termination}
    found = set()
    try:
        facts = facts_about(passed, surviving=surviving)
        for each in passed:
            now = project(terms_of(each, duties[each.pk]), facts.get(each.pk, [])).at(as_of)
            if now is not None and now.status in BREACHED:
                found.add(each.pk)
    except (UnknownTimeZone, ValueError, ArithmeticError):
        return {each.pk for each in passed}  # They are quarantined, and explain themselves.
    return found
