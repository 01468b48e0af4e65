"""Proposals: changes that take effect only when a second person approves them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from compliance.admin import badges, fields, instants, urls
from compliance.admin.agreement_status import AgreementStatusFilter
from compliance.admin.history import HistoryAdmin
from compliance.admin.pages import get_row_or_404, page_context
from compliance.admin.permissions import requires_perms
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.record_forms import RecordForm, confirm_field
from compliance.admin.record_pages import RecordAdmin, RecordButton, record_page, status_sentence
from compliance.admin.searching import folded
from compliance.admin.visible import AgreementFilter
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import ProposalState
from compliance.models import Proposal, User
from compliance.operations.agreements import proposals
from compliance.operations.deadlines import effects

_OPEN = ProposalState.OPEN.value
# The values of a draft that the page lists under "Details".
_DETAILS = (
    "verdict", "share", "quantity", "is_final", "until", "successor", "successor_agreement",
    "supersedes",
)  # fmt: skip


class DecisionForm(RecordForm):
    """The base of forms that decide on a proposal."""

    aliases: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, proposal: Proposal, **kwargs: Any) -> None:
        forms.Form.__init__(self, *args, **kwargs)
        self.proposal = proposal

    def record(self, *, by: User, as_of: datetime) -> None:
        """Record the decision.

        Raises:
            Invalid: also, above the form, if this user may not decide on the proposal.
        """
        try:
            self.decide(by=by, as_of=as_of)
        except proposals.NotAllowed as error:
            raise refusal("", str(error)) from None

    def decide(self, *, by: User, as_of: datetime) -> None:
        """Pass the decision to its operation."""
        # Not abstract: the metaclass of Django's forms cannot be combined with ABCMeta.
        raise NotImplementedError


class ApprovalForm(DecisionForm):
    """Approves a proposal."""

    heading = "Approve the proposal"
    advice = (
        "The change takes effect, and the history names both of you. If its effect is no "
        "longer what it was when it was proposed, Pacta asks you to confirm it."
    )
    success_message = "Proposal approved."
    submit = "Approve"

    confirm = confirm_field()

    def decide(self, *, by: User, as_of: datetime) -> None:
        """Approve the proposal."""
        approved = proposals.approve(
            proposal=self.proposal,
            by=by,
            as_of=as_of,
            is_confirmed=bool(self.cleaned_data.get("confirm")),
        )
        if approved.fact is not None:
            self.warnings = effects.warnings_about(approved.fact)


class RejectionForm(DecisionForm):
    """Rejects a proposal of someone else, or withdraws one's own."""

    heading = "Reject the proposal"
    advice = (
        "The proposal never takes effect but stays on record. Rejecting your own proposal "
        "withdraws it."
    )
    success_message = "Proposal rejected."
    submit = "Reject"
    is_destructive = True

    reason = fields.LongTextField(
        help_text="What would have to change. Not required for your own proposal."
    )

    def decide(self, *, by: User, as_of: datetime) -> None:
        """Reject or withdraw the proposal."""
        reason = self.cleaned_data.get("reason") or ""
        proposals.reject(proposal=self.proposal, reason=reason, by=by, as_of=as_of)


@admin.register(Proposal)
class ProposalAdmin(ReadOnlyAdmin, RecordAdmin, HistoryAdmin):
    """All proposals, newest first. A change that requires approval creates one."""

    list_display = (
        "what", "subject", "reasons", "proposed", "proposed_by", "state_badge",
    )  # fmt: skip
    list_filter = (
        "state", "change", "kind", AgreementStatusFilter, ("agreement", AgreementFilter),
    )  # fmt: skip
    list_select_related = ("deadline__obligation", "agreement", "proposed_by")
    search_fields = folded("deadline__obligation__ref", "agreement__ref", "proposed_by__email")
    ordering = ("-id",)
    fields = (
        "state_badge", "what", "subject_link", "effective", "details", "effect", "reasons",
        "evidence_refs", "proposed", "proposed_by", "decided", "decided_by", "reason",
        "recorded_fact",
    )  # fmt: skip
    has_approve_permission = requires_perms(proposals.APPROVE)
    record_buttons = (
        RecordButton(
            name="approve", label="Approve", icon="done_all", form_class=ApprovalForm,
            permissions=["approve"],
        ),
        RecordButton(
            name="reject", label="Reject or withdraw", icon="block", form_class=RejectionForm,
            permissions=["reject"],
        ),
    )  # fmt: skip
    actions_detail = ("approve", "reject")

    def has_reject_permission(self, request: HttpRequest, _: Any = None) -> bool:
        """Return whether the user may approve or propose. The operation checks the rest."""
        return any(request.user.has_perm(name) for name in (proposals.APPROVE, *proposals.PROPOSE))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Return only the buttons that the user can use on this proposal.

        The pages behind the hidden buttons still exist and explain why they are not available.
        """
        theme: Any = super()
        found: list[Any] = theme.get_actions_detail(request, object_id)
        proposal = get_row_or_404(self, request, str(object_id), Proposal)
        if proposal.state != _OPEN:
            return []
        if proposal.proposed_by_id != request.user.pk:
            may_reject = request.user.has_perm(proposals.APPROVE)
            return found if may_reject else []
        return [each for each in found if each.path == "reject"]

    @admin.display(description="Change", ordering="kind")
    def what(self, proposal: Proposal) -> SafeString:
        """Return the kind of the proposed fact, or what else would change."""
        return badges.badge(proposal.kind or proposal.change)

    @admin.display(description="About", ordering="deadline")
    def subject(self, proposal: Proposal) -> str:
        """Return the deadline or agreement that it is about."""
        return _subject(proposal)

    @admin.display(description="State", ordering="state")
    def state_badge(self, proposal: Proposal) -> SafeString:
        """Return the state as a badge."""
        return badges.badge(proposal.state)

    @admin.display(description="About")
    def subject_link(self, proposal: Proposal) -> SafeString | str:
        """Return a link to the deadline or agreement that it is about."""
        if proposal.deadline_id is not None:
            url = urls.deadline_url(proposal.deadline_id)
        elif proposal.agreement_id is not None:
            url = urls.agreement_url(proposal.agreement_id)
        else:
            return _subject(proposal)
        return format_html('<a class="pacta-link" href="{}">{}</a>', url, _subject(proposal))

    @admin.display(description="Effective")
    def effective(self, proposal: Proposal) -> str:
        """Return when the fact would take effect."""
        return _effective_text(proposal)

    @admin.display(description="Details")
    def details(self, proposal: Proposal) -> SafeString:
        """Return the other values of the proposed change."""
        draft = proposal.draft
        if proposal.kind is None:
            return format_html("<pre>{}</pre>", _change_text(draft))
        lines = [(name, draft[name]) for name in _DETAILS if draft.get(name)]
        due = draft.get("due") or {}
        lines += [(f"due {name}", value) for name, value in due.items() if value]
        return format_html_join("\n", "<div>{}: {}</div>", lines) or SafeString("-")

    @admin.display(description="Reasons")
    def reasons(self, proposal: Proposal) -> str:
        """Return the note of the proposed fact, or the reason of the change."""
        return str(proposal.draft.get("note") or proposal.draft.get("reason") or "-")

    @admin.display(description="Evidence")
    def evidence_refs(self, proposal: Proposal) -> str:
        """Return the refs of the evidence for the proposed fact."""
        return ", ".join(proposal.draft.get("evidence") or ()) or "-"

    @admin.display(description="Proposed", ordering="proposed_at")
    def proposed(self, proposal: Proposal) -> SafeString:
        """Return when the fact was proposed."""
        return instants.utc_html(proposal.proposed_at, _zone(proposal))

    @admin.display(description="Decided", ordering="decided_at")
    def decided(self, proposal: Proposal) -> SafeString:
        """Return when the proposal was approved, rejected or withdrawn."""
        return instants.utc_html(proposal.decided_at, _zone(proposal))

    @admin.display(description="Recorded as")
    def recorded_fact(self, proposal: Proposal) -> SafeString:
        """Return a link to the fact that the approval recorded."""
        if proposal.fact_id is None:
            return SafeString("-")
        url = urls.fact_url(proposal.fact_id)
        return format_html('<a class="pacta-link" href="{}">Fact {}</a>', url, proposal.fact_id)

    def record_view(
        self, request: HttpRequest, object_id: str, form_class: type[Any]
    ) -> HttpResponse:
        """Show the page of a form that decides on the proposal."""
        proposal = get_row_or_404(self, request, object_id, Proposal)
        deadline, agreement = proposal.deadline, proposal.agreement
        as_of = timezone.now()
        # A decision may have no values, so `request.POST or None` would not submit it.
        data = request.POST if request.method == "POST" else None
        return record_page(
            request,
            form_class(data, proposal=proposal),
            as_of=as_of,
            back=urls.row_url("proposal", proposal.pk),
            outcome=lambda: "" if deadline is None else status_sentence(deadline),
            context={
                **page_context(self, request, proposal),
                "subtitle": str(proposal),
                "subject": agreement if deadline is None else deadline.obligation,
                "status": "" if deadline is None else badges.status_badges(deadline),
                "effect": _effect_text(proposal),
                "back_to": "the proposal",
            },
        )


def _subject(proposal: Proposal) -> str:
    return str(proposal.deadline or proposal.agreement or proposal.get_change_display())


def _zone(proposal: Proposal) -> str | None:
    return None if proposal.deadline is None else proposal.deadline.timezone


def _effect_text(proposal: Proposal) -> str:
    if proposal.kind is None:
        return f"{proposal}. {proposal.effect}"
    return f"{proposal}: {_effective_text(proposal)}. {proposal.draft.get('note') or ''}"


_LONGEST_CHANGE = 20_000


def _change_text(draft: dict[str, Any]) -> str:
    """Return a change as indented JSON without empty parts; a document is cut off."""
    shown = {name: value for name, value in draft.items() if value not in ({}, [], None)}
    text = json.dumps(shown, indent=2, ensure_ascii=False)
    return text if len(text) <= _LONGEST_CHANGE else f"{text[:_LONGEST_CHANGE]} …"


def _effective_text(proposal: Proposal) -> str:
    draft = proposal.draft
    if proposal.kind is None:
        return "-"
    if draft.get("on"):
        return str(draft["on"])
    if draft.get("at"):
        return instants.utc_text(datetime.fromisoformat(draft["at"]))
    return f"same as fact {draft.get('supersedes')}"
