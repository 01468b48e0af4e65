"""What is recorded: facts, positions, evidence. Append-only."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import asked, paged
from compliance.api.views import (
    Views,
    body,
    created,
    found,
    nothing_asked,
    page_response,
    question,
    user_of,
)
from compliance.domain.drafts import AgreementRef, EvidenceDraft, FactDraft, PositionDraft
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import EvidenceKind, FactKind, Stance, Verdict
from compliance.models import Agreement, Deadline, Evidence, Fact, Position
from compliance.operations import facts as operations
from compliance.queries import facts as queries
from compliance.queries.filters import Id


class NewFact(FactDraft):
    """A fact, and the deadline that it is about."""

    deadline: Id


class NewPosition(PositionDraft):
    """A position, and the deadline that it is about."""

    deadline: Id


class NewEvidence(EvidenceDraft):
    """A piece of evidence, and the agreement that it bears on."""

    agreement: AgreementRef


class FactRow(serializers.Serializer[Fact]):
    """A fact. It has a day (`on`) or an instant (`at`); `effective_at` is when it counts from."""

    id = serializers.IntegerField()
    deadline = serializers.IntegerField()
    agreement = serializers.CharField()
    obligation_ref = serializers.CharField()
    type = serializers.ChoiceField(choices=list(FactKind))
    on = serializers.DateField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    effective_at = serializers.DateTimeField()
    quantity = serializers.FloatField(allow_null=True)
    due = serializers.DictField(allow_null=True, help_text="The due rule of an extension.")
    due_at = serializers.DateTimeField(allow_null=True)
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
    """What has been recorded about deadlines. A later fact can supersede an earlier one."""

    rights = (Fact,)

    @extend_schema(parameters=asked(queries.FactListing), responses=paged(FactRow))
    def list(self, request: Request) -> Response:
        """List facts in the order in which they were recorded."""
        return page_response(request, queries.facts(question(request, queries.FactListing)))

    @extend_schema(request=NewFact, responses={201: FactRow})
    def create(self, request: Request) -> Response:
        """Record a fact about a deadline; its status follows at once."""
        draft = body(request, NewFact)
        fact = operations.record(
            deadline=_deadline(draft.deadline),
            draft=draft,
            by=user_of(request),
            as_of=timezone.now(),
        )
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
        agreement = Agreement.objects.filter(ref=draft.agreement).first()
        if agreement is None:
            raise refusal("agreement", f"There is no agreement {draft.agreement}.")
        evidence = operations.add_evidence(
            agreement=agreement, draft=draft, by=user_of(request), as_of=timezone.now()
        )
        return created(request, queries.piece_of_evidence(evidence.pk), "id")

    @extend_schema(responses=EvidenceRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one piece of evidence."""
        nothing_asked(request)
        return found(queries.piece_of_evidence(id))


def _deadline(deadline_id: int) -> Deadline:
    deadline = Deadline.objects.filter(pk=deadline_id).first()
    if deadline is None:
        raise refusal("deadline", f"There is no deadline {deadline_id}.")
    return deadline
