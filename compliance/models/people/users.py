"""Users."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pgtrigger
from django.contrib.auth.hashers import (
    UNUSABLE_PASSWORD_PREFIX,
    check_password,
    make_password,
)
from django.contrib.auth.models import AbstractUser, BaseUserManager, Group
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower
from django.utils.functional import cached_property

from compliance.domain.vocabulary import Role
from compliance.models.history import tracked_except
from compliance.models.people.standing_subscriptions import AS_BEFORE, AS_SYSTEM, DECLARED


class UserManager(BaseUserManager["User"]):
    """Creates users identified by their email address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a user. Without a password, nobody can sign in as this user."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a user with every permission."""
        return self.create_user(
            email, password, **{"is_staff": True, "is_superuser": True, **fields}
        )

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the user with this address, in any case."""
        return self.get(email__iexact=username)

    def administrators(self) -> models.QuerySet[User]:
        """Return the active superusers, and the active users with the role administrator."""
        administrators = Group.objects.filter(name=Role.ADMINISTRATOR.value, user=OuterRef("pk"))
        return self.filter(Q(is_superuser=True) | Exists(administrators), is_active=True)


# Anyone who knew the old password, or holds a session, token or feed, must lose access. The trigger
# also covers `update()`, `bulk_update()` and plain SQL, which call neither `save()` nor signals.
_END_ACCESS = """
    NEW.session_epoch = OLD.session_epoch;
    IF NEW.password IS DISTINCT FROM OLD.password OR (OLD.is_active AND NOT NEW.is_active)
        OR NEW.email IS DISTINCT FROM OLD.email
    THEN
        NEW.session_epoch = OLD.session_epoch + 1;
        UPDATE compliance_apitoken SET revoked_at = now()
        WHERE user_id = OLD.id AND revoked_at IS NULL;
        UPDATE compliance_calendarfeed SET revoked_at = now()
        WHERE owner_id = OLD.id AND revoked_at IS NULL;
    END IF;
    RETURN NEW;
"""


# Documents may have named this address before anybody had an account with it, and administrators
# may have subscribed it. What follows an account moves with its address: the former one may belong
# to somebody else.
_FOLLOW_ADDRESS = f"""
    {AS_SYSTEM}
    UPDATE compliance_responsibility AS r SET user_id = NEW.id, address = ''
    WHERE r.address <> '' AND lower(r.address) = lower(NEW.email) AND NOT EXISTS (
        SELECT FROM compliance_responsibility AS own
        WHERE own.obligation_id = r.obligation_id AND own.user_id = NEW.id);
    UPDATE compliance_subscription SET owner_id = NEW.id
    WHERE webhook_id IS NULL AND lower(email) = lower(NEW.email)
      AND owner_id IS DISTINCT FROM NEW.id;
    IF TG_OP = 'UPDATE' AND NEW.email <> OLD.email THEN
        UPDATE compliance_subscription AS s SET email = NEW.email
        WHERE s.owner_id = NEW.id AND s.email = OLD.email AND NOT EXISTS (
            SELECT FROM compliance_subscription AS other WHERE other.email = NEW.email);
        UPDATE compliance_subscription SET is_active = FALSE
        WHERE owner_id = NEW.id AND email = OLD.email AND is_active;
        UPDATE compliance_message SET email = NEW.email
        WHERE email = OLD.email AND state = 'waiting';
        UPDATE compliance_alert AS a SET email = NEW.email
        WHERE a.email = OLD.email AND a.withdrawn_at IS NULL
          AND (a.message_id IS NULL OR EXISTS (
            SELECT FROM compliance_message AS m
            WHERE m.id = a.message_id AND m.state = 'waiting'))
          AND NOT EXISTS (
            SELECT FROM compliance_alert AS other
            WHERE other.deadline_id = a.deadline_id AND other.kind = a.kind
              AND other.occasion = a.occasion AND other.email = NEW.email);
    END IF;
    {AS_BEFORE}
    RETURN NULL;
"""


@tracked_except("last_login", "session_epoch", secrets=("password",))
class User(AbstractUser):
    """A person, identified by their email address.

    When the password or the address changes, or the account is deactivated, a trigger ends the
    sessions of the user and revokes their API tokens and calendar feeds in the same transaction.
    Only the owner of an account chooses its password: by giving the old one, or with the link that
    `operations.people.passwords` mails. For accounts that cannot receive mail, operators can use
    `manage.py changepassword`.
    """

    username = None  # type: ignore[assignment]  # Django's own way to drop the inherited column
    email = models.EmailField("email address", unique=True)

    # Sessions are checked against this number. Only the trigger changes it, and only upwards, so
    # that old sessions stay invalid when a deactivated account is activated again.
    session_epoch = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    is_service_account = models.BooleanField(
        "service account",
        default=False,
        db_default=False,
        help_text="Acts for a program: it has API tokens, and cannot sign in.",
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        constraints = (
            # Two users whose addresses differ only by case would share one mailbox.
            models.UniqueConstraint(Lower("email"), name="user_email_any_case"),
            # Nobody can sign in with a password that begins with "!" (Django's unusable password).
            models.CheckConstraint(
                name="user_service_account_has_no_password",
                condition=models.Q(is_service_account=False)
                | models.Q(password__startswith=UNUSABLE_PASSWORD_PREFIX, is_staff=False),
            ),
        )
        triggers = (
            pgtrigger.Trigger(
                name="end_access",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func=_END_ACCESS,
            ),
            pgtrigger.Trigger(
                name="follow_address",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("email"),  # type: ignore[no-untyped-call]  # untyped
                when=pgtrigger.After,
                declare=DECLARED,
                func=_FOLLOW_ADDRESS,
            ),
        )

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **options: Any) -> None:
        """Store the user, and read the `session_epoch` that the trigger has set.

        Django uses this object to renew the session in which a password was changed.
        """
        super().save(*args, **options)
        names = options.get("update_fields")
        if names is None or not {"password", "is_active", "email"}.isdisjoint(names):
            self.refresh_from_db(fields=["session_epoch"])

    @cached_property
    def roles(self) -> frozenset[Role]:
        """The roles of this user. They are read once per object, so once per request."""
        names = self.groups.filter(name__in=[each.value for each in Role])
        return frozenset(map(Role, names.values_list("name", flat=True)))

    @property
    def is_administrator(self) -> bool:
        """Whether this user is active, and a superuser or an administrator."""
        return self.is_active and (self.is_superuser or Role.ADMINISTRATOR in self.roles)

    def get_session_auth_hash(self) -> str:
        """Return the hash of password and `session_epoch` against which sessions are checked."""
        return f"{super().get_session_auth_hash()}:{self.session_epoch}"

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Yield the same hash for each former SECRET_KEY."""
        for each in super().get_session_auth_fallback_hash():
            yield f"{each}:{self.session_epoch}"

    def check_password(self, raw_password: str | None) -> bool:
        """Return whether this is the password.

        A password in an older hash format is stored again in the current format. This does not
        count as a change of the password.
        """
        before = self.password

        def store_anew(password: str) -> None:
            self.password = make_password(password)
            with pgtrigger.ignore("compliance.User:end_access", "compliance.User:audit_secrets"):
                User.objects.filter(pk=self.pk, password=before).update(password=self.password)

        return check_password(raw_password, before, store_anew)
