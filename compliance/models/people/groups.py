"""Groups and what users and permissions they contain, with a change history.

These tables belong to Django. Proxies give them the triggers of tracked models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import Group

from compliance.models.history import tracked_except
from compliance.models.people.users import User

if TYPE_CHECKING:
    from django.db.models import Model as _GroupPermission
    from django.db.models import Model as _UserGroup
    from django.db.models import Model as _UserPermission
else:
    _UserGroup = User.groups.through
    _UserPermission = User.user_permissions.through
    _GroupPermission = Group.permissions.through


@tracked_except(app_label="compliance", model_name="GroupEvent")
class TrackedGroup(Group):
    """A group of users, such as a role."""

    class Meta:
        proxy = True
        app_label = "compliance"
        default_permissions = ()


@tracked_except(app_label="compliance", model_name="GroupPermissionEvent")
class TrackedGroupPermission(_GroupPermission):
    """A permission of a group."""

    class Meta:
        proxy = True
        app_label = "compliance"
        default_permissions = ()


@tracked_except(app_label="compliance", model_name="UserGroupEvent")
class TrackedUserGroup(_UserGroup):
    """A user in a group."""

    class Meta:
        proxy = True
        app_label = "compliance"
        default_permissions = ()


@tracked_except(app_label="compliance", model_name="UserPermissionEvent")
class TrackedUserPermission(_UserPermission):
    """A permission of a user."""

    class Meta:
        proxy = True
        app_label = "compliance"
        default_permissions = ()
