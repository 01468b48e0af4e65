"""Make users and teams responsible for obligations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field

from django.db.models import Q
from django.db.models.functions import Lower

from compliance.domain.agreements.drafts import ObligationDraft
from compliance.domain.problems import Problem
from compliance.domain.responsible import team_slug
from compliance.domain.vocabulary import Role, Visibility
from compliance.models import Agreement, Membership, Obligation, Responsibility, Team, User
from compliance.models.bulk import insert
from compliance.models.people.readers import Reader, current_reader


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """The users and teams that drafts name: their ids by address in lower case, and by slug."""

    users: Mapping[str, int] = field(default_factory=dict)
    teams: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, drafts: Iterable[ObligationDraft]) -> Named:
        """Look up everyone whom the drafts name, with two statements at most."""
        names = {name for draft in drafts for name in draft.responsible}
        slugs = {slug for name in names if (slug := team_slug(name)) is not None}
        addresses = {name.lower() for name in names if team_slug(name) is None}
        users = User.objects.annotate(lowered=Lower("email")).filter(lowered__in=addresses)
        teams = Team.objects.filter(slug__in=slugs)
        return cls(
            users=dict(users.values_list("lowered", "pk")) if addresses else {},
            teams=dict(teams.values_list("slug", "pk")) if slugs else {},
        )

    def problems_of(self, draft: ObligationDraft) -> list[Problem]:
        """Return a problem for each team that does not exist.

        An address without an account is not a problem: documents name people elsewhere.
        """
        return [
            Problem(
                path=f"responsible/{index}",
                detail=f"There is no team {slug}: create it, or correct the slug.",
            )
            for index, name in enumerate(draft.responsible)
            if (slug := team_slug(name)) is not None and slug not in self.teams
        ]

    def rows(self, obligation: Obligation, draft: ObligationDraft) -> list[Responsibility]:
        """Return unsaved rows for everyone whom a draft without problems names."""
        return [self._row(obligation, name) for name in draft.responsible]

    def replace(
        self, obligations: Mapping[str, Obligation], drafts: Iterable[ObligationDraft]
    ) -> set[int]:
        """Make those whom the drafts name responsible for stored obligations, and nobody else.

        Returns the ids of the obligations for which somebody became responsible.

        Args:
            obligations: by ref.
        """
        wanted = {
            _key(each): each
            for draft in drafts
            for each in self.rows(obligations[draft.ref], draft)
        }
        stored = Responsibility.objects.filter(obligation__in=obligations.values())
        removed = [each.pk for each in stored if wanted.pop(_key(each), None) is None]
        if removed:
            Responsibility.objects.filter(pk__in=removed).delete()
        insert([*wanted.values()])
        return {each.obligation_id for each in wanted.values()}

    def _row(self, obligation: Obligation, name: str) -> Responsibility:
        slug = team_slug(name)
        if slug is not None:
            return Responsibility(obligation=obligation, team_id=self.teams[slug], address="")
        user_id = self.users.get(name.lower())
        address = name if user_id is None else ""
        return Responsibility(obligation=obligation, user_id=user_id, address=address)


def names_of(obligation_ids: Iterable[int]) -> dict[int, list[str]]:
    """Return who is responsible for each of these obligations, by name, in order."""
    found: dict[int, list[str]] = defaultdict(list)
    rows = Responsibility.objects.filter(obligation__in=list(obligation_ids))
    for each in rows.select_related("user", "team"):
        found[each.obligation_id].append(each.name)
    return found


def _key(row: Responsibility) -> tuple[int, int | None, int | None, str]:
    return row.obligation_id, row.user_id, row.team_id, row.address.lower()


def warnings_about(agreement: Agreement, refs: Collection[str]) -> dict[str, list[str]]:
    """Return who is named but is not notified, and why, by the ref of an obligation.

    Everyone is reported once, at the first obligation that names them. Only administrators learn
    who has an account. Others read the same about every address, except those of the members of
    their own teams.

    Args:
        refs: of the obligations to look at.
    """
    if not refs:
        return {}
    rows = Responsibility.objects.filter(obligation__agreement=agreement, obligation__ref__in=refs)
    first: dict[tuple[int | None, int | None, str], Responsibility] = {}
    for each in rows.select_related("obligation", "user", "team"):
        first.setdefault((each.user_id, each.team_id, each.address.lower()), each)
    if not first:
        return {}
    readers, known = _readers(agreement), _known_to(current_reader())
    found: dict[str, list[str]] = defaultdict(list)
    for each in first.values():
        if each.team is None and known is not None and each.user_id not in known:
            found[each.obligation.ref].append(_MAYBE.format(each.name))
        elif sentence := _obstacle(each, readers):
            found[each.obligation.ref].append(sentence)
    return found


_MAYBE = "{} is notified only if this is the address of an account that sees this agreement."


def _known_to(reader: Reader) -> set[int] | None:
    """Return the ids of the users whose accounts a reader may know of; None: all."""
    if not reader.is_limited:
        return None
    colleagues = Membership.objects.filter(team__memberships__user=reader.user_id)
    return {*colleagues.values_list("user", flat=True), reader.user_id or 0}


def _readers(agreement: Agreement) -> set[int]:
    """Return the ids of the active users who see an agreement."""
    users = User.objects.filter(is_active=True)
    if agreement.visibility == Visibility.TEAMS:
        members = Membership.objects.filter(team__agreement_links__agreement=agreement)
        users = users.filter(
            Q(is_superuser=True)
            | Q(groups__name=Role.ADMINISTRATOR.value)
            | Q(pk__in=members.values("user"))
        )
    return set(users.values_list("pk", flat=True))


def _obstacle(row: Responsibility, readers: Set[int]) -> str:
    """Return why nobody is notified because of a responsibility, or nothing."""
    if row.team is not None:
        members = set(row.team.memberships.values_list("user", flat=True))
        if members & readers:
            return ""
        return f"Team {row.team.slug} has no active member who sees this agreement: add one."
    if row.user is None:
        return (
            f"{row.address} has no account, so nothing is sent there: create one, or have an "
            "administrator subscribe the address."
        )
    if not row.user.is_active:
        return f"The account of {row.user.email} is not active: name someone else as well."
    if row.user.pk not in readers:
        return f"{row.user.email} does not see this agreement: add them to one of its teams."
    return ""
