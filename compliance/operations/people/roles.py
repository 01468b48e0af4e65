"""The roles: groups of permissions that every installation has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet

from compliance.domain.vocabulary import FactKind, Role
from compliance.models import Fact, User

# What only administrators see. Everybody with a role can view everything else; whose rows they
# see is up to the visibility of agreements.
_CONFIDENTIAL = frozenset({
    "user", "attemptcount", "passwordlinkrequest", "team", "membership", "auditentry",
})  # fmt: skip

# What analysts add and change. New models belong to the administrators until they are listed here.
_RECORDS = frozenset({
    "party", "agreement", "agreementparty", "milestone", "obligation", "obligationparty",
    "deadline", "fact", "evidence", "evidencefile", "position", "breach", "silence",
    "subscription", "customcalendar", "closingday", "alert", "message", "proposal",
})  # fmt: skip

# Their own feeds and tokens. A token has at most the rights of its user.
_OF_VIEWERS = frozenset({
    "add_calendarfeed", "change_calendarfeed",
    "add_apitoken", "change_apitoken", "delete_apitoken",
})  # fmt: skip
_OF_REVIEWERS = frozenset({"determine_deadline", "waive_deadline", "approve_proposal"})

# Facts that only some people may record on their own. With others they become proposals, if the
# agreement requires approval.
_RIGHTS = {
    FactKind.DETERMINATION: ("compliance.determine_deadline", "record determinations"),
    FactKind.WAIVER: ("compliance.waive_deadline", "waive deadlines"),
}


def lowest_role(codename: str, model: str) -> Role:
    """Return the lowest role that has a permission.

    Args:
        codename: of the permission, such as `add_fact`.
        model: the name of its model in lower case, such as `fact`.
    """
    if codename in _OF_VIEWERS or (codename == f"view_{model}" and model not in _CONFIDENTIAL):
        return Role.VIEWER
    if model in _RECORDS and codename in {f"add_{model}", f"change_{model}"}:
        return Role.ANALYST
    return Role.REVIEWER if codename in _OF_REVIEWERS else Role.ADMINISTRATOR


@transaction.atomic
def store_roles() -> None:
    """Create the groups of the roles, and give each exactly its permissions.

    Called after every migration. Other groups stay as they are.
    """
    permissions = list(
        Permission.objects.filter(content_type__app_label="compliance").select_related(
            "content_type"
        )
    )
    for role in Role:
        group, _ = Group.objects.get_or_create(name=role.value)
        group.permissions.set(_permissions_of(role, permissions))


def _permissions_of(role: Role, permissions: list[Permission]) -> Iterator[Permission]:
    ranks = list(Role)
    for each in permissions:
        lowest = lowest_role(each.codename, each.content_type.model)
        if ranks.index(lowest) <= ranks.index(role):
            yield each


def check_may_record(facts: Iterable[Fact]) -> None:
    """Check that those who record these facts may do so without the approval of somebody else.

    Facts without a person come from the operator, who may record everything.

    Raises:
        PermissionDenied: they may not.
    """
    for fact in facts:
        by = fact.recorded_by
        if by is None or fact.approved_by_id is not None:
            continue
        for each in filter(None, (fact, fact.supersedes)):
            permission, action = _RIGHTS.get(FactKind(each.kind), ("", ""))
            if permission and not by.has_perm(permission):
                sentence = f"Your account lacks the permission to {action}."
                raise PermissionDenied(sentence)


def check_may_change(user: User, *, by: User) -> None:
    """Check that `by` holds every right of `user`, whose account they want to change.

    Otherwise they could acquire these rights: with a new address and a password link, for example.

    Raises:
        PermissionDenied: `user` has a right that `by` lacks.
    """
    if not may_change(user, by=by):
        sentence = f"{user} has rights that you do not have, so you cannot change this account."
        raise PermissionDenied(sentence)


def may_change(user: User, *, by: User) -> bool:
    """Return whether `by` holds every right of `user`, whether or not the account is active."""
    if by.is_superuser:
        return True
    held = ModelBackend().get_all_permissions(by)
    return not user.is_superuser and _all_permissions(user) <= held


def _all_permissions(user: User) -> set[str]:
    """Return the permissions of a user, including those that return with the account."""
    found = Permission.objects.filter(Q(user=user) | Q(group__user=user)).values_list(
        "content_type__app_label", "codename"
    )
    return {f"{app}.{codename}" for app, codename in found}


@transaction.atomic
def set_roles(*, user: User, roles: Collection[Role], by: User | None) -> None:
    """Give a user exactly these roles. Other groups stay as they are.

    Args:
        by: None stands for the operator, or an identity provider that the operator trusts.

    Raises:
        PermissionDenied: `user` has a right that `by` lacks, or would get one.
    """
    if by is not None:
        check_may_change(user, by=by)
        check_may_grant(roles, by=by)
    others = user.groups.exclude(name__in=[each.value for each in Role])
    user.groups.set([*others, *Group.objects.filter(name__in=[each.value for each in roles])])


def grantable_groups(*, by: User) -> QuerySet[Group]:
    """Return the roles and other groups whose every right `by` has."""
    if by.is_superuser:
        return Group.objects.all()
    held = ModelBackend().get_all_permissions(by)
    lacking = [
        each.pk
        for each in Permission.objects.select_related("content_type")
        if f"{each.content_type.app_label}.{each.codename}" not in held
    ]
    return Group.objects.exclude(permissions__in=lacking)


def check_may_grant(roles: Collection[Role], *, by: User) -> None:
    """Check that `by` holds every right of these roles.

    Raises:
        PermissionDenied: they lack one.
    """
    groups = Group.objects.filter(name__in=[each.value for each in roles])
    check_may_grant_groups(groups, by=by)


def check_may_grant_groups(groups: QuerySet[Group], *, by: User) -> None:
    """Check that `by` holds every right of these groups.

    Raises:
        PermissionDenied: they lack one.
    """
    if by.is_superuser:
        return
    held = ModelBackend().get_all_permissions(by)
    for group in groups.prefetch_related("permissions__content_type"):
        for each in group.permissions.all():
            if f"{each.content_type.app_label}.{each.codename}" not in held:
                sentence = f"You cannot grant the role {group.name}: it has rights that you lack."
                raise PermissionDenied(sentence)
