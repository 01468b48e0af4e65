"""Drafts of notification policies, subscriptions, silences, webhooks and calendar feeds."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from compliance.domain.date_fields import CivilTime, Instant, TimeZoneName
from compliance.domain.drafts import Draft
from compliance.domain.fields import (
    WHOLE,
    AgreementRef,
    Email,
    Flag,
    LongTitle,
    PartyCode,
    RowId,
    Tag,
    Title,
    all_different,
    one_line,
)
from compliance.domain.formats import ALL_DIFFERENT, WEB_ADDRESS, one_of
from compliance.domain.limits import AtMost
from compliance.domain.responsible import Responsible
from compliance.domain.vocabulary import (
    AlertKind,
    NotificationFrequency,
    PeriodUnit,
    Severity,
    WebhookKind,
)

_ABOUT_A_BREACH = frozenset({AlertKind.MISSED, AlertKind.ESCALATED, AlertKind.SILENCE_ENDED})


class PolicyStepDraft(Draft):
    """A reminder or escalation step: a number of days or business days before or after."""

    count: Annotated[int, Field(strict=True, ge=1, le=366), WHOLE]
    unit: Literal[PeriodUnit.DAYS, PeriodUnit.BUSINESS_DAYS] = PeriodUnit.DAYS


PolicySteps = Annotated[
    tuple[PolicyStepDraft, ...], AtMost(12), AfterValidator(all_different), ALL_DIFFERENT
]
"""Reminder or escalation steps; no two are equal."""


class NotificationPolicyDraft(Draft):
    """A notification policy: reminders before the due date, escalations after a breach."""

    reminders: PolicySteps = ()
    escalations: PolicySteps = ()


def dump_notification_policy(draft: NotificationPolicyDraft | None) -> dict[str, Any] | None:
    """Return a notification policy as it is stored."""
    return None if draft is None else draft.model_dump(mode="json")


class SubscriptionDraft(Draft):
    """Who is notified of what, and when.

    Each of `agreement`, `party`, `tag` and `responsible` narrows the subscription; without any of
    them it covers everything that its owner may see. `responsible` is `me` (the recipient, with
    their teams), a user or a team. The owner is the account with the address, or else the user who
    creates the subscription. Alerts are sent immediately, except during quiet hours, or as a digest
    at an hour in the subscriber's time zone.
    """

    model_config = ConfigDict(json_schema_extra=one_of("email", "webhook"))

    email: Email | None = None
    webhook: RowId | None = None
    agreement: AgreementRef | None = None
    party: PartyCode | None = None
    tag: Tag | None = None
    min_severity: Severity = Severity.LOW
    responsible: Responsible | None = None
    owner: Email | None = None
    kinds: Annotated[
        tuple[AlertKind, ...], AtMost(len(AlertKind)), AfterValidator(all_different), ALL_DIFFERENT
    ] = ()
    from_escalation: Annotated[int, Field(strict=True, ge=0, le=12), WHOLE] = 0
    frequency: NotificationFrequency = NotificationFrequency.IMMEDIATE
    digest_hour: Annotated[int, Field(strict=True, ge=0, le=23), WHOLE] = 8
    digest_weekday: Annotated[int, Field(strict=True, ge=0, le=6), WHOLE] = 0
    quiet_from: CivilTime | None = None
    quiet_until: CivilTime | None = None
    timezone: TimeZoneName = "UTC"
    is_active: Flag = True

    @model_validator(mode="after")
    def _has_one_recipient(self) -> Self:
        if (self.email is None) == (self.webhook is None):
            sentence = "Give either email (an address) or webhook (its id)."
            raise ValueError(sentence)
        return self

    @model_validator(mode="after")
    def _has_valid_quiet_hours(self) -> Self:
        if (self.quiet_from is None) != (self.quiet_until is None):
            sentence = "Give both quiet_from and quiet_until, or neither."
            raise ValueError(sentence)
        return self

    @model_validator(mode="after")
    def _has_consistent_kinds(self) -> Self:
        if self.kinds and self.from_escalation and AlertKind.ESCALATED not in self.kinds:
            sentence = "Add escalated to kinds, or remove from_escalation: it needs escalations."
            raise ValueError(sentence)
        if AlertKind.RECOVERED in self.kinds and not _ABOUT_A_BREACH & set(self.kinds):
            sentence = (
                "A recovery is announced only to those who were notified of the breach: add "
                "missed, escalated or silence_ended to kinds."
            )
            raise ValueError(sentence)
        return self


class AcknowledgementDraft(Draft):
    """An acknowledgement of a breach. Escalations pause until `until_at`, by default for a week."""

    until_at: Instant | None = None


class SilenceDraft(Draft):
    """A period during which alerts about an agreement or one of its deadlines are held back."""

    agreement: AgreementRef
    deadline: RowId | None = None
    until_at: Instant
    reason: LongTitle


class CalendarFeedDraft(Draft):
    """A private calendar feed of the deadlines of one agreement, or of all agreements."""

    name: Title
    agreement: AgreementRef | None = None


class WebhookDraft(Draft):
    """A web address that alerts are posted to: a Standard Webhooks receiver or a chat.

    It receives only what its owner may see, by default the user who creates it.
    """

    name: Title
    kind: WebhookKind = WebhookKind.STANDARD
    url: Annotated[
        str,
        StringConstraints(min_length=1, max_length=2000),
        AfterValidator(one_line),
        WEB_ADDRESS,
    ]
    owner: Email | None = None
    is_active: Flag = True
