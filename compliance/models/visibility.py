"""Which rows a user sees: the predicate `visible_to`, for agreements and all that belongs to them.

`PATHS_TO_AGREEMENT` says to which agreements the rows of each model belong. A row is visible if
every agreement that it belongs to is visible. The policies of the database, which migrations write,
state the same independently. Tests find models that are missing here or have no policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from compliance.domain.vocabulary import ProposedChange, Visibility
from compliance.models.agreements.agreements import Agreement, AgreementTeam
from compliance.models.alerts.alerts import Alert
from compliance.models.people.readers import Reader, reader_of
from compliance.models.people.teams import Membership
from compliance.models.people.users import User

ModelT = TypeVar("ModelT", bound=Model)

PATHS_TO_AGREEMENT: Final[Mapping[str, tuple[str, ...]]] = {
    "Agreement": ("pk",),
    "AgreementEvent": ("pgh_obj",),
    "AgreementTeam": ("agreement",),
    "AgreementTeamEvent": ("agreement",),
    "AgreementParty": ("agreement",),
    "AgreementPartyEvent": ("agreement",),
    "ImportBatch": ("agreement",),
    "ImportedRows": ("batch__agreement",),
    "Milestone": ("agreement",),
    "MilestoneEvent": ("agreement",),
    "MilestoneDating": ("agreement",),
    "Obligation": ("agreement",),
    "ObligationEvent": ("agreement",),
    "ObligationParty": ("agreement",),
    "ObligationPartyEvent": ("agreement",),
    "Responsibility": ("obligation__agreement",),
    "ResponsibilityEvent": ("obligation__agreement",),
    "Dependency": ("obligation__agreement",),
    "Deadline": ("agreement",),
    "Breach": ("deadline__agreement",),
    "Fact": ("agreement", "deadline__agreement"),
    "Fact_evidence": ("evidence__agreement",),
    "LedgerEntry": ("deadline__agreement",),
    "Position": ("deadline__agreement",),
    "Position_evidence": ("evidence__agreement",),
    "Proposal": ("agreement",),
    "ProposalEvent": ("agreement",),
    "ProposalNotification": ("proposal__agreement",),
    "RecomputedDeadline": ("deadline__agreement",),
    "Correction": ("agreement", "obligation__agreement", "deadline__agreement"),
    "Evidence": ("agreement",),
    "Evidence_obligations": ("evidence__agreement",),
    "Evidence_deadlines": ("evidence__agreement",),
    "EvidenceFile": ("evidence__agreement",),
    "Silence": ("agreement",),
    "SilenceEvent": ("agreement",),
    "Alert": ("agreement",),
    "Message": ("agreement",),
    "DeliveryAttempt": ("message__agreement",),
    "Subscription": ("agreement",),
    "SubscriptionEvent": ("agreement",),
    "CalendarFeed": ("agreement",),
    "CalendarFeedEvent": ("agreement",),
}
"""The paths from each model to the agreements of its rows. An empty path restricts nothing."""


def visible_to(
    rows: QuerySet[ModelT], reader: Reader | User | AnonymousUser | None
) -> QuerySet[ModelT]:
    """Return those rows that exist for a reader: those of agreements that the reader sees.

    A message about several agreements exists for everyone who sees one of its alerts.

    Raises:
        KeyError: the model is not in `PATHS_TO_AGREEMENT`.
    """
    reader = reader if isinstance(reader, Reader) else reader_of(reader)
    paths = PATHS_TO_AGREEMENT[rows.model.__name__]
    if not reader.is_limited:
        return rows
    hidden = hidden_from(reader)
    for path in paths:
        rows = rows.exclude(**{f"{path}__in": hidden})
    if rows.model.__name__ in _PROPOSALS:
        rows = rows.filter(_without_agreement(reader, _PROPOSALS[rows.model.__name__]))
    messages = {"Message": "", "DeliveryAttempt": "message__"}.get(rows.model.__name__)
    if messages is not None:
        prefix = messages.removesuffix("__") or "pk"
        seen = Alert.objects.filter(message=OuterRef(prefix)).exclude(agreement__in=hidden)
        rows = rows.filter(Q(**{f"{messages}agreement__isnull": False}) | Exists(seen))
    return rows


# The paths to the proposals of rows.
_PROPOSALS = {"Proposal": "", "ProposalEvent": "", "ProposalNotification": "proposal__"}
# Parties and calendars are registers that everybody shares.
_SHARED = (ProposedChange.PARTY, ProposedChange.PARTY_MERGE, ProposedChange.CALENDAR)


def _without_agreement(reader: Reader, path: str) -> Q:
    """Return which proposals a limited reader sees although they name no agreement.

    One that would import a new agreement contains its document, and one that has purged an
    agreement tells that it existed.
    """
    found = Q(**{f"{path}agreement__isnull": False})
    found |= Q(**{f"{path}change__in": [each.value for each in _SHARED]})
    if reader.teams is None and reader.agreements is None:
        name = f"{path}draft__document__visibility"
        for_everyone = Q(**{name: Visibility.EVERYONE.value}) | Q(**{name: None})
        for_everyone |= Q(**{f"{name}__isnull": True})
        found |= Q(**{f"{path}proposed_by": reader.user_id})
        found |= Q(**{f"{path}change": ProposedChange.IMPORT.value}) & for_everyone
    return found


def hidden_from(reader: Reader) -> QuerySet[Agreement, Any]:
    """Return the ids of the agreements that do not exist for a reader, for use as a subquery."""
    if reader.user_id is None and not reader.sees_everything:
        return Agreement.objects.order_by().values("pk")
    hidden = Q(pk__isnull=True)
    if not reader.sees_everything:
        mine = Membership.objects.filter(user=reader.user_id).values("team")
        hidden |= Q(visibility=Visibility.TEAMS.value) & ~Q(pk__in=_of_teams(mine))
    if reader.teams is not None:
        hidden |= ~Q(pk__in=_of_teams(reader.teams))
    if reader.agreements is not None:
        hidden |= ~Q(pk__in=reader.agreements)
    return Agreement.objects.filter(hidden).order_by().values("pk")


def _of_teams(teams: Any) -> QuerySet[AgreementTeam, Any]:
    return AgreementTeam.objects.filter(team__in=teams).order_by().values("agreement")
