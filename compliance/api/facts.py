"""What is recorded: facts, positions, evidence. Append-only."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import asked, either, paged
from compliance.api.views import (
    Views,
    body,
    created,
    found,
    nothing_asked,
    page_response,
    question,
    sent,
    user_of,
)
from compliance.domain.drafts import (
    AgreementFactDraft,
    AgreementRef,
    EvidenceDraft,
    FactDraft,
    PositionDraft,
)
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import EvidenceKind, FactKind, Stance, Verdict
from compliance.models import Agreement, Deadline, Evidence, Fact, Position
from compliance.operations import facts as operations
from compliance.queries import facts as queries
from compliance.queries.filters import Id


class NewFact(FactDraft):
    """A fact, and the deadline that it is about."""

    deadline: Id


class NewAgreementFact(AgreementFactDraft):
    """What befell a whole agreement, and which. It reaches all its deadlines that are open then,
    but for those of obligations that survive."""

    agreement: AgreementRef


class NewPosition(PositionDraft):
    """A position, and the deadline that it is about."""

    deadline: Id


class NewEvidence(EvidenceDraft):
    """A piece of evidence, and the agreement that it bears on."""

    agreement: AgreementRef


class FactRow(serializers.Serializer[Fact]):
    """A fact. It has a day (`on`) or an instant (`at`); `effective_at` is when it counts from.
    What lasts has an end, a day that is its last (`until_on`) or an instant (`until_at`), or none
    yet. A fact of a whole agreement has no `deadline`."""

    id = serializers.IntegerField()
    deadline = serializers.IntegerField(allow_null=True)
    agreement = serializers.CharField()
    obligation_ref = serializers.CharField(allow_null=True)
    type = serializers.ChoiceField(choices=list(FactKind))
    on = serializers.DateField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    effective_at = serializers.DateTimeField()
    until_on = serializers.DateField(allow_null=True)
    until_at = serializers.DateTimeField(allow_null=True)
    is_tolling = serializers.BooleanField(
        help_text="Whether a suspension stops the clock: the due date moves by its length."
    )
    quantity = serializers.FloatField(allow_null=True)
    due = serializers.DictField(allow_null=True, help_text="The due rule of an extension.")
    due_at = serializers.DateTimeField(
        allow_null=True, help_text="What an extension or a trigger came to when recorded."
    )
    note = serializers.CharField(allow_blank=True)
    evidence = serializers.ListField(child=serializers.CharField())
    supersedes = serializers.IntegerField(allow_null=True)
    recorded_at = serializers.DateTimeField()
    recorded_by = serializers.CharField(allow_null=True)


class PositionRow(serializers.Serializer[Position]):
    """What a party says. It has a day (`on`) or an instant (`at`)."""

    id = serializers.IntegerField()
    deadline = serializers.IntegerField()
    agreement = serializers.CharField()
    obligation_ref = serializers.CharField()
    party = serializers.CharField()
    verdict = serializers.ChoiceField(choices=list(Verdict))
    on = serializers.DateField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    stated_at = serializers.DateTimeField()
    quote = serializers.CharField(allow_blank=True)
    evidence = serializers.ListField(child=serializers.CharField())
    recorded_at = serializers.DateTimeField()
    recorded_by = serializers.CharField(allow_null=True)


class EvidenceRow(serializers.Serializer[Evidence]):
    """A piece of evidence."""

    id = serializers.IntegerField()
    agreement = serializers.CharField()
    ref = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(EvidenceKind))
    url = serializers.CharField(allow_blank=True)
    quote = serializers.CharField(allow_blank=True)
    published_on = serializers.DateField(allow_null=True)
    asserted_by = serializers.CharField(allow_null=True)
    stance = serializers.ChoiceField(choices=list(Stance))
    obligations = serializers.ListField(child=serializers.CharField())
    recorded_at = serializers.DateTimeField()
    recorded_by = serializers.CharField(allow_null=True)


class FactViews(Views):
    """What has been recorded about deadlines, and about whole agreements. A later fact can
    supersede an earlier one."""

    rights = (Fact,)

    @extend_schema(parameters=asked(queries.FactListing), responses=paged(FactRow))
    def list(self, request: Request) -> Response:
        """List facts in the order in which they were recorded."""
        return page_response(request, queries.facts(question(request, queries.FactListing)))

    @extend_schema(
        request=either("AnyNewFact", NewFact, NewAgreementFact),
        responses={201: FactRow},
    )
    def create(self, request: Request) -> Response:
        """Record a fact about a deadline, or about a whole agreement; statuses follow at once."""
        by, as_of = user_of(request), timezone.now()
        if _is_of_agreement(request):
            general = body(request, NewAgreementFact)
            agreement = _agreement(general.agreement)
            fact = operations.record_of_agreement(
                agreement=agreement, draft=general, by=by, as_of=as_of
            )
        else:
            draft = body(request, NewFact)
            deadline = _deadline(draft.deadline)
            fact = operations.record(deadline=deadline, draft=draft, by=by, as_of=as_of)
        return created(request, queries.fact(fact.pk), "id")

    @extend_schema(responses=FactRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one fact."""
        nothing_asked(request)
        return found(queries.fact(id))


class PositionViews(Views):
    """What the parties say of deadlines. Positions never set a status."""

    rights = (Position,)

    @extend_schema(parameters=asked(queries.PositionListing), responses=paged(PositionRow))
    def list(self, request: Request) -> Response:
        """List positions in the order in which they were recorded."""
        return page_response(request, queries.positions(question(request, queries.PositionListing)))

    @extend_schema(request=NewPosition, responses={201: PositionRow})
    def create(self, request: Request) -> Response:
        """Record what a party says of a deadline."""
        draft = body(request, NewPosition)
        position = operations.state_position(
            deadline=_deadline(draft.deadline),
            draft=draft,
            by=user_of(request),
            as_of=timezone.now(),
        )
        return created(request, queries.position(position.pk), "id")

    @extend_schema(responses=PositionRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one position."""
        nothing_asked(request)
        return found(queries.position(id))


class EvidenceViews(Views):
    """Documents and statements that facts and positions rest on."""

    rights = (Evidence,)

    @extend_schema(parameters=asked(queries.EvidenceListing), responses=paged(EvidenceRow))
    def list(self, request: Request) -> Response:
        """List evidence in the order in which it was stored."""
        return page_response(request, queries.evidence(question(request, queries.EvidenceListing)))

    @extend_schema(request=NewEvidence, responses={201: EvidenceRow})
    def create(self, request: Request) -> Response:
        """Store a piece of evidence."""
        draft = body(request, NewEvidence)
        evidence = operations.add_evidence(
            agreement=_agreement(draft.agreement),
            draft=draft,
            by=user_of(request),
            as_of=timezone.now(),
        )
        return created(request, queries.piece_of_evidence(evidence.pk), "id")

    @extend_schema(responses=EvidenceRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one piece of evidence."""
        nothing_asked(request)
        return found(queries.piece_of_evidence(id))


def _is_of_agreement(request: Request) -> bool:
    names = sent(request).keys() & {"deadline", "agreement"}
    if len(names) == 2:
        sentence = "Name the deadline or the agreement that the fact is about, not both."
        raise refusal("agreement", sentence)
    return "agreement" in names


def _agreement(ref: str) -> Agreement:
    agreement = Agreement.objects.filter(ref=ref).first()
    if agreement is None:
        raise refusal("agreement", f"There is no agreement {ref}.")
    return agreement


def _deadline(deadline_id: int) -> Deadline:
    deadline = Deadline.objects.filter(pk=deadline_id).first()
    if deadline is None:
        raise refusal("deadline", f"There is no deadline {deadline_id}.")
    return deadline
