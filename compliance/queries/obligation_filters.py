"""The filters by agreement and obligation, and their conditions in SQL.

They are declared here once, for every list and aggregate of obligations, deadlines and breaches.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from compliance.domain.fields import AgreementRef, PartyCode, Ref
from compliance.domain.limits import AtMost
from compliance.domain.responsible import Responsible
from compliance.domain.vocabulary import AgreementKind, AgreementStatus, ObligationKind, Severity
from compliance.models.people.readers import Reader
from compliance.queries.filters import REPEATED, Filter, Listed, Word
from compliance.queries.known_fields import as_known
from compliance.queries.responsible import add_responsible
from compliance.queries.rows import Where, containing

AgreementStatuses = Annotated[
    Annotated[tuple[AgreementStatus, ...], AtMost(20)] | None,
    Listed,
    Field(description="The status of the agreement. Without it, archived agreements are left out."),
]


class ObligationFilter(Filter):
    """Filters by the fields of agreements and obligations, as they were known."""

    agreement: AgreementRef | None = None
    agreement_kind: Annotated[
        Annotated[tuple[AgreementKind, ...], AtMost(20)] | None,
        Listed,
        Field(description="The kind of the agreement."),
    ] = None
    obligation_ref: Ref | None = None
    obligor: PartyCode | None = None
    obligee: PartyCode | None = None
    tag: Annotated[
        Annotated[tuple[Word, ...], AtMost(20)] | None,
        REPEATED,
        Field(description="A tag. Repeat it to require several."),
    ] = None
    tag_any: Annotated[
        Annotated[tuple[Word, ...], AtMost(100)] | None,
        Listed,
        Field(description="At least one of these tags."),
    ] = None
    tag_prefix: Annotated[
        Word | None, Field(description="At least one tag that begins with this text.")
    ] = None
    severity: Annotated[Annotated[tuple[Severity, ...], AtMost(20)] | None, Listed] = None
    kind: Annotated[
        Annotated[tuple[ObligationKind, ...], AtMost(20)] | None,
        Listed,
        Field(description="The kind of the obligation."),
    ] = None
    responsible: Annotated[
        Responsible | None,
        Field(description="A user by email address, `team:` and a slug, or `me` with my teams."),
    ] = None
    q: Annotated[Word | None, Field(description="Search in ref and title.")] = None


def add_obligation_filter(
    where: Where,
    wanted: ObligationFilter,
    *,
    reader: Reader,
    agreement: str,
    of_party: str,
    known_at: str | None,
    is_of_obligor: str = "TRUE",
) -> None:
    """Require what a filter says of the obligations `o`.

    Args:
        agreement: the column with the agreement's id.
        of_party: the condition that a party is the `{capacity}`, over a parameter of its name.
        is_of_obligor: the condition that a row is not only of another `obligor`.
        known_at: the name of the parameter; None: as known now.
    """
    # A single agreement is compared with `=`, so that an index returns the rows in order.
    where.add(
        f"{agreement} = (SELECT id FROM compliance_agreement WHERE ref = %(agreement)s)",
        agreement=wanted.agreement,
    )
    of_kind = as_known(
        f"{agreement} IN (SELECT id FROM compliance_agreement"
        " WHERE kind = ANY(%(agreement_kind)s))",
        "f.before ->> 'kind' = ANY(%(agreement_kind)s)",
        row_id=agreement,
        owner="agreement",
        known_at=known_at,
    )
    where.add(of_kind, agreement_kind=_values(wanted.agreement_kind))
    where.add("o.ref = %(obligation_ref)s", obligation_ref=wanted.obligation_ref)
    add_responsible(where, wanted.responsible, obligation="o.id", reader=reader)
    _add_fields(where, wanted, known_at=known_at)
    for capacity, code in (("obligor", wanted.obligor), ("obligee", wanted.obligee)):
        former = f"f.before -> '{capacity}s' ? %({capacity})s"
        if capacity == "obligor":
            former = f"({former} AND {is_of_obligor})"
        current = of_party.format(capacity=capacity)
        where.add(_known(current, former, known_at), **{capacity: code})


def _add_fields(where: Where, wanted: ObligationFilter, *, known_at: str | None) -> None:
    for name in ("severity", "kind"):
        values = getattr(wanted, name)
        # One value is compared with `=`, which PostgreSQL estimates better than an array.
        if values is not None and len(values) == 1:
            same = _known(f"o.{name} = %({name})s", f"f.before ->> '{name}' = %({name})s", known_at)
            where.add(same, **{name: values[0]})
        elif values is not None:
            current, former = (
                f"o.{name} = ANY(%({name})s)",
                f"f.before ->> '{name}' = ANY(%({name})s)",
            )
            where.add(_known(current, former, known_at), **{name: list(values)})
    all_tags = ("o.tags @> %(tag)s::varchar[]", "f.before -> 'tags' ?& %(tag)s::text[]")
    where.add(_known(*all_tags, known_at), tag=_values(wanted.tag))
    any_tag = ("o.tags && %(tag_any)s::varchar[]", "f.before -> 'tags' ?| %(tag_any)s::text[]")
    where.add(_known(*any_tag, known_at), tag_any=_values(wanted.tag_any))
    prefixed = (
        _PREFIXED.format(tags="unnest(o.tags)"),
        _PREFIXED.format(tags="jsonb_array_elements_text(f.before -> 'tags')"),
    )
    where.add(_known(*prefixed, known_at), tag_prefix=wanted.tag_prefix)
    if wanted.q is not None:
        title = (containing("q", "o.title"), containing("q", "f.before ->> 'title'"))
        where.add(f"({containing('q', 'o.ref')} OR {_known(*title, known_at)})", q=wanted.q)


_PREFIXED = "EXISTS (SELECT FROM {tags} AS t(name) WHERE starts_with(t.name, %(tag_prefix)s))"


def _known(current: str, former: str, known_at: str | None) -> str:
    return as_known(current, former, row_id="o.id", owner="obligation", known_at=known_at)


def _values(wanted: tuple[str, ...] | None) -> list[str] | None:
    return None if wanted is None else list(wanted)
