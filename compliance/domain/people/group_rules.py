"""Which roles and teams the groups of an identity provider stand for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from compliance.domain.vocabulary import Role

_TEAM = "team:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Grants:
    """Roles, and teams by slug."""

    roles: frozenset[Role] = field(default_factory=frozenset)
    teams: frozenset[str] = field(default_factory=frozenset)

    def __bool__(self) -> bool:
        return bool(self.roles or self.teams)


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupRules:
    """What each group of the provider grants. Whatever some group grants is `managed`."""

    by_group: Mapping[str, Grants]

    @property
    def managed(self) -> Grants:
        """Everything that the provider decides about, and that people lose with their groups."""
        return self.granted(self.by_group)

    def granted(self, groups: Collection[str]) -> Grants:
        """Return what a member of these groups has; unknown groups grant nothing."""
        found = [self.by_group[each] for each in groups if each in self.by_group]
        return Grants(
            roles=frozenset().union(*(each.roles for each in found)),
            teams=frozenset().union(*(each.teams for each in found)),
        )


def read_group_rules(items: Collection[str]) -> GroupRules:
    """Read rules such as `desk-leads=reviewer` and `desk-asia=team:asia`.

    Raises:
        ValueError: names the rule that cannot be used.
    """
    by_group: dict[str, Grants] = {}
    for item in items:
        group, separator, target = (part.strip() for part in item.rpartition("="))
        if not (separator and group and target):
            raise ValueError(item)
        before = by_group.get(group, Grants())
        if target.startswith(_TEAM):
            after = Grants(roles=before.roles, teams=before.teams | {target.removeprefix(_TEAM)})
        elif target in set(Role):
            after = Grants(roles=before.roles | {Role(target)}, teams=before.teams)
        else:
            raise ValueError(item)
        by_group[group] = after
    return GroupRules(by_group=by_group)
