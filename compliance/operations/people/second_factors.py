"""Remove the second factors of somebody who has lost them."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.db import transaction

from compliance.domain.problems import refusal
from compliance.models import User
from compliance.operations.people.roles import check_may_change


@transaction.atomic
def remove_all(*, user: User, by: User) -> None:
    """Remove the authenticator app, passkeys and recovery codes of a user.

    The password stays. If `REQUIRE_MFA` applies to the user, their next sign-in leads them to the
    page on which they set up a new second factor.

    Raises:
        Invalid: there are none, or they belong to `by`, who removes them on the account pages.
        PermissionDenied: the user has rights that `by` lacks.
    """
    check_may_change(user, by=by)
    if user == by:
        raise refusal("", "Remove your own second factors on the pages of your account.")
    count, _ = Authenticator.objects.filter(user=user).delete()
    if not count:
        raise refusal("", f"{user} has no second factor.")
