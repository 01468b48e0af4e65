"""API tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from compliance.domain.people.token_limits import TokenLimits
from compliance.models.history import tracked_except
from compliance.models.people.users import User

# How precisely the last use of a token is known.
USE_PRECISION = timedelta(minutes=1)


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Row predicates of tokens."""

    def with_key(self, digest: bytes, *, as_of: datetime) -> ApiTokenQuerySet:
        """Return the token whose current or still valid previous key has this hash."""
        former = Q(former_digest=digest, former_until__gt=as_of)
        return self.filter(Q(digest=digest) | former)

    def valid(self, *, as_of: datetime) -> ApiTokenQuerySet:
        """Return the tokens that are neither revoked nor expired, and whose user is active."""
        unexpired = Q(expires_at=None) | Q(expires_at__gt=as_of)
        return self.filter(unexpired, revoked_at=None, user__is_active=True)


# Without the hashes: the history is kept forever, and shown to more people than the tokens.
@tracked_except("digest", "former_digest", "last_used_at")
class ApiToken(models.Model):
    """A named secret for API requests, with at most the permissions of its user.

    Only hashes of its keys are stored. A token is never deleted: one that was revoked, or that
    expired, stays in the list. When the password of the user changes or their account is
    deactivated, a trigger of the user revokes their tokens.
    """

    name = models.CharField(max_length=200)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens")
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    former_digest = models.BinaryField(
        max_length=32,
        unique=True,
        null=True,
        editable=False,
        help_text="Of the key before the last rotation, valid until `former_until`.",
    )
    former_until = models.DateTimeField(null=True)
    is_read_only = models.BooleanField(default=False)
    networks = ArrayField(
        models.CharField(max_length=49),
        null=True,
        help_text="Where it may be used from, in CIDR notation. NULL: from everywhere.",
    )
    # Not foreign keys: a token whose only team or agreement is removed must see nothing. With a row
    # per team, it would then look like a token without a restriction, and see everything.
    team_ids = ArrayField(
        models.BigIntegerField(),
        null=True,
        help_text="Only agreements of these teams exist for it. NULL: not restricted.",
    )
    agreement_ids = ArrayField(
        models.BigIntegerField(),
        null=True,
        help_text="Only these agreements exist for it. NULL: not restricted.",
    )
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True, help_text="Precise to a minute.")
    rotated_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    # Of a loaded token: whether the request came with the key before the last rotation.
    is_former_key = False

    objects: ClassVar[models.Manager[ApiToken]] = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "API token"
        ordering = ("id",)
        constraints = (
            # Somebody who revokes a token must know which one. Others cannot learn the name.
            models.UniqueConstraint(
                fields=["user", "name"], condition=Q(revoked_at=None), name="apitoken_name"
            ),
            models.CheckConstraint(
                name="apitoken_former_key",
                condition=Q(former_digest=None, former_until=None)
                | Q(former_digest__isnull=False, former_until__isnull=False),
            ),
            models.CheckConstraint(
                name="apitoken_keys_differ",
                condition=Q(former_digest=None) | ~Q(former_digest=F("digest")),
            ),
        )

    def __str__(self) -> str:
        return self.name

    def has_expired(self, as_of: datetime) -> bool:
        """Return whether its last instant is over."""
        return self.expires_at is not None and self.expires_at <= as_of

    @property
    def is_restricted(self) -> bool:
        """Whether only some agreements exist for it, whatever its user sees."""
        return self.team_ids is not None or self.agreement_ids is not None

    @property
    def visible_teams(self) -> frozenset[int] | None:
        """The ids of the teams to which it is restricted, if it is."""
        return None if self.team_ids is None else frozenset(self.team_ids)

    @property
    def visible_agreements(self) -> frozenset[int] | None:
        """The ids of the agreements to which it is restricted, if it is."""
        return None if self.agreement_ids is None else frozenset(self.agreement_ids)

    @property
    def limits(self) -> TokenLimits:
        """What it may do at most, within the rights of its user."""
        return TokenLimits(
            is_read_only=self.is_read_only,
            expires_at=self.expires_at,
            networks=None if self.networks is None else tuple(self.networks),
        )
