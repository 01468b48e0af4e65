"""What the groups of an identity provider grant."""

from __future__ import annotations

import pytest

from compliance.domain.people.group_rules import Grants, read_group_rules
from compliance.domain.vocabulary import Role

RULES = read_group_rules(["desk=analyst", "desk=team:asia", "cn=leads,ou=x=reviewer"])


def test_groups_grant_what_their_rules_say() -> None:
    assert RULES.granted(["desk", "other"]) == Grants(
        roles=frozenset({Role.ANALYST}), teams=frozenset({"asia"})
    )
    assert RULES.granted(["cn=leads,ou=x"]).roles == {Role.REVIEWER}
    assert not RULES.granted([])


def test_what_some_group_grants_is_managed() -> None:
    assert RULES.managed.roles == {Role.ANALYST, Role.REVIEWER}
    assert RULES.managed.teams == {"asia"}


@pytest.mark.parametrize("rule", ["desk", "desk=", "=analyst", "desk=boss", "desk=Analyst"])
def test_other_rules_are_refused(rule: str) -> None:
    with pytest.raises(ValueError, match=r"desk|analyst"):
        read_group_rules([rule])
