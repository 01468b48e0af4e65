"""Facts that wait for a second person, and the pages on which that person decides."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from compliance.admin import badges, fields, moments
from compliance.admin.answering import answer
from compliance.admin.deadlines.recording import DeadlineForm
from compliance.admin.history import HistoryAdmin
from compliance.admin.permissions import right
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.theme import button
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import ProposalState
from compliance.models import Proposal, User
from compliance.operations.deadlines import proposals

_OPEN = ProposalState.OPEN.value
# What a page says of the fact that is proposed, besides its kind, day, reasons and evidence.
_TERMS = ("verdict", "share", "quantity", "until", "supersedes")


class DecisionForm(DeadlineForm):
    """A form by which somebody decides on a proposal."""

    aliases: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, proposal: Proposal, as_of: datetime, **kwargs: Any) -> None:
        super().__init__(*args, deadline=proposal.deadline, as_of=as_of, **kwargs)
        self.proposal = proposal

    def record(self, *, by: User, as_of: datetime) -> None:
        """Decide.

        Raises:
            Invalid: also, above the form, where it is not for this person to decide.
        """
        try:
            self.decide(by=by, as_of=as_of)
        except proposals.NotAllowed as error:
            raise refusal("", str(error)) from None

    def decide(self, *, by: User, as_of: datetime) -> None:
        """Hand the decision to its operation."""
        raise NotImplementedError


class ApprovalForm(DecisionForm):
    """A second person agrees."""

    heading = "Approve the proposal"
    advice = "It is recorded as a fact, and counts from now on. Both of you are named with it."
    done = "It is approved, and recorded."
    submit = "Approve"

    def decide(self, *, by: User, as_of: datetime) -> None:
        """Approve it."""
        proposals.approve(proposal=self.proposal, by=by, as_of=as_of)


class RejectionForm(DecisionForm):
    """A second person does not agree, or the first takes it back."""

    heading = "Reject the proposal"
    advice = "It never counts, and stays on record. Your own proposal is withdrawn by this."
    done = "It is turned down."
    submit = "Reject"
    is_grave = True

    reason = fields.Prose(help_text="What would have to be different. Not needed for your own.")

    def decide(self, *, by: User, as_of: datetime) -> None:
        """Turn it down, or take it back."""
        reason = self.cleaned_data.get("reason") or ""
        proposals.reject(proposal=self.proposal, reason=reason, by=by, as_of=as_of)


@admin.register(Proposal)
class ProposalAdmin(ReadOnlyAdmin, HistoryAdmin):
    """Newest first. They are made by recording a fact where a second person must approve it."""

    list_display = ("what", "deadline", "reasons", "proposed", "proposed_by", "stands")
    list_filter = ("state", "kind", "deadline__agreement")
    list_select_related = ("deadline__obligation", "deadline__agreement", "proposed_by")
    search_fields = ("deadline__obligation__ref", "deadline__agreement__ref", "proposed_by__email")
    ordering = ("-id",)
    fields = (
        "stands", "what", "about", "holds", "terms", "reasons", "supports", "proposed",
        "proposed_by", "decided", "decided_by", "reason", "recorded",
    )  # fmt: skip
    actions_detail = ("approve", "reject")
    has_approve_permission = right(proposals.APPROVE)

    def has_reject_permission(self, request: HttpRequest, _: Any = None) -> bool:
        """Whoever may approve or propose; whose it is, the operation looks at."""
        return any(request.user.has_perm(name) for name in (proposals.APPROVE, proposals.PROPOSE))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """The buttons that would do something: none once it is decided, and none to approve
        one's own. Their addresses stay, and answer with the reason."""
        theme: Any = super()
        found: list[Any] = theme.get_actions_detail(request, object_id)
        proposal = self._proposal(request, str(object_id))
        if proposal.state != _OPEN:
            return []
        if proposal.proposed_by_id != request.user.pk:
            may_reject = request.user.has_perm(proposals.APPROVE)
            return found if may_reject else []
        return [each for each in found if each.path == "reject"]

    @admin.display(description="Fact", ordering="kind")
    def what(self, proposal: Proposal) -> SafeString:
        """What kind of fact is proposed."""
        return badges.badge(proposal.kind)

    @admin.display(description="State", ordering="state")
    def stands(self, proposal: Proposal) -> SafeString:
        """What became of it."""
        return badges.badge(proposal.state)

    @admin.display(description="Deadline")
    def about(self, proposal: Proposal) -> SafeString:
        """The deadline, with the way to its page."""
        address = reverse("admin:compliance_deadline_change", args=[proposal.deadline_id])
        return format_html('<a class="pacta-link" href="{}">{}</a>', address, proposal.deadline)

    @admin.display(description="Effective")
    def holds(self, proposal: Proposal) -> str:
        """The day or the instant from which it would hold."""
        return _when(proposal)

    @admin.display(description="It says")
    def terms(self, proposal: Proposal) -> SafeString:
        """What it says besides."""
        draft = proposal.draft
        lines = [(name, draft[name]) for name in _TERMS if draft.get(name) is not None]
        due = draft.get("due") or {}
        lines += [(f"due {name}", value) for name, value in due.items() if value]
        return format_html_join("\n", "<div>{}: {}</div>", lines) or SafeString("-")

    @admin.display(description="Reasons")
    def reasons(self, proposal: Proposal) -> str:
        """Why."""
        return str(proposal.draft.get("note") or "-")

    @admin.display(description="Evidence")
    def supports(self, proposal: Proposal) -> str:
        """What it rests on."""
        return ", ".join(proposal.draft.get("evidence") or ()) or "-"

    @admin.display(description="Proposed", ordering="proposed_at")
    def proposed(self, proposal: Proposal) -> SafeString:
        """When it was proposed."""
        return moments.utc(proposal.proposed_at, proposal.deadline.timezone)

    @admin.display(description="Decided", ordering="decided_at")
    def decided(self, proposal: Proposal) -> SafeString:
        """When it was decided."""
        return moments.utc(proposal.decided_at, proposal.deadline.timezone)

    @admin.display(description="Recorded as")
    def recorded(self, proposal: Proposal) -> SafeString:
        """The fact that it became."""
        if proposal.fact_id is None:
            return SafeString("-")
        address = reverse("admin:compliance_fact_change", args=[proposal.fact_id])
        return format_html('<a class="pacta-link" href="{}">Fact {}</a>', address, proposal.fact_id)

    @button(description="Approve", url_path="approve", icon="done_all", permissions=["approve"])
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then record what was proposed."""
        return self._decide(request, object_id, ApprovalForm)

    @button(
        description="Reject or withdraw", url_path="reject", icon="block", permissions=["reject"]
    )
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, then turn it down."""
        return self._decide(request, object_id, RejectionForm)

    def _proposal(self, request: HttpRequest, object_id: str) -> Proposal:
        proposal = self.get_object(request, unquote(object_id))
        if proposal is None:
            raise Http404
        assert isinstance(proposal, Proposal)
        return proposal

    def _decide(
        self, request: HttpRequest, object_id: str, form_class: type[DecisionForm]
    ) -> HttpResponse:
        """Show what is proposed; on POST hand the decision to its operation."""
        proposal = self._proposal(request, object_id)
        deadline = proposal.deadline
        as_of = timezone.now()
        sent = request.POST if request.method == "POST" else None

        def stands() -> str:
            deadline.refresh_from_db(fields=["status"])
            return f"The deadline is {deadline.status.replace('_', ' ')}."

        return answer(
            request,
            form_class(sent, proposal=proposal, as_of=as_of),
            as_of=as_of,
            back=reverse("admin:compliance_proposal_change", args=[proposal.pk]),
            outcome=stands,
            context={
                **self.admin_site.each_context(request),
                "subtitle": str(proposal),
                "opts": self.opts,
                "original": proposal,
                "subject": deadline.obligation,
                "standing": badges.standing(deadline),
                "reach": f"{proposal}: {_when(proposal)}. {proposal.draft.get('note') or ''}",
                "back_to": "the proposal",
            },
        )


def _when(proposal: Proposal) -> str:
    draft = proposal.draft
    if draft.get("on"):
        return str(draft["on"])
    if draft.get("at"):
        return moments.utc_text(datetime.fromisoformat(draft["at"]))
    return f"as fact {draft.get('supersedes')}"
