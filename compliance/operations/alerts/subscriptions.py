"""Create, change and end subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models.functions import Now

from compliance.domain.alerts.drafts import SubscriptionDraft
from compliance.domain.problems import refusal
from compliance.domain.responsible import ME, team_slug
from compliance.domain.vocabulary import MessageState
from compliance.models import Agreement, Party, Subscription, Team, User, Webhook
from compliance.models.alerts.followers import FOLLOWS_ALERT
from compliance.models.alerts.recipient_readers import existing_for_recipients
from compliance.models.bulk import fetch
from compliance.models.locks import for_update
from compliance.models.people.readers import SYSTEM, current_reader, reading_as
from compliance.models.visibility import visible_to

ModelT = TypeVar("ModelT", bound=models.Model)


@transaction.atomic
def create(*, draft: SubscriptionDraft, by: User | None) -> Subscription:
    """Create a subscription. Its owner is the account with its address, or else `by`.

    Args:
        by: None stands for the operator, who may do what an administrator may.

    Raises:
        Invalid: the agreement, party, webhook or owner does not exist, the recipient already has a
            subscription to the same alerts, or `by` is not an administrator and names another
            recipient than themselves and their webhooks.
    """
    columns = _columns(draft, by=by, owner=by)
    _refuse_duplicate(columns, Subscription.objects.all())
    return Subscription.objects.create(**columns)


@transaction.atomic
def update(
    *, subscription: Subscription, draft: SubscriptionDraft, by: User | None
) -> Subscription:
    """Change a subscription.

    Alerts created before the change are still sent. What it now follows applies only to changes
    detected from now on.

    Raises:
        Invalid: as `create`.
    """
    columns = _columns(draft, by=by, owner=subscription.owner)
    _refuse_duplicate(columns, Subscription.objects.exclude(pk=subscription.pk))
    if all(getattr(subscription, name) == value for name, value in columns.items()):
        return subscription
    if columns["email"] != subscription.email:
        columns |= {"refused_at": None, "refusal": ""}
    for name, value in columns.items():
        setattr(subscription, name, value)
    subscription.since = Now()
    subscription.save()
    subscription.refresh_from_db(fields=["since"])
    return subscription


@transaction.atomic
@reading_as(SYSTEM)
def end(*, email: str, subscription_ids: Sequence[int], as_of: datetime) -> list[Subscription]:
    """End subscriptions of an address.

    Alerts that have not been sent are withdrawn unless another subscription of the address follows
    them, so that nobody receives another email after unsubscribing.

    Args:
        email: the address, in any case.
        subscription_ids: those of other addresses are left alone.

    Returns:
        The subscriptions that ended.
    """
    ended = list(for_update(subscriptions_of(email=email, subscription_ids=subscription_ids)))
    for subscription in ended:
        subscription.is_active = False
        subscription.save(update_fields=["is_active"])
    recipients = list({subscription.recipient for subscription in ended})
    fetch(_WITHDRAW_UNFOLLOWED, recipients=recipients, as_of=as_of)
    return ended


def names_of(subscriptions: Sequence[Subscription]) -> list[str]:
    """Return what subscriptions follow, for their recipients.

    Agreements that the recipient may no longer see are not named.
    """
    visible = set(
        Subscription.objects.receivable()
        .filter(pk__in=[each.pk for each in subscriptions])
        .values_list("pk", flat=True)
    )
    visible &= existing_for_recipients(subscriptions)
    return [
        each.follows if each.pk in visible else "an agreement that you may not see"
        for each in subscriptions
    ]


def subscriptions_of(
    *, email: str, subscription_ids: Sequence[int]
) -> models.QuerySet[Subscription]:
    """Return those of the given subscriptions that are active and belong to an address."""
    found = Subscription.objects.active().filter(email__iexact=email, pk__in=subscription_ids)
    return found.select_related("agreement", "party").order_by("id")


_WITHDRAW_UNFOLLOWED = f"""
    UPDATE compliance_alert AS a SET withdrawn_at = %(as_of)s
    FROM compliance_deadline AS d
    WHERE d.id = a.deadline_id AND a.recipient = ANY(%(recipients)s) AND a.withdrawn_at IS NULL
      AND (a.message_id IS NULL OR EXISTS (
          SELECT FROM compliance_message AS m
          WHERE m.id = a.message_id AND m.state = '{MessageState.WAITING}'))
      AND NOT EXISTS (
          SELECT FROM compliance_subscription AS s
          WHERE s.recipient = a.recipient AND {FOLLOWS_ALERT})
    RETURNING a.id
"""


def _columns(draft: SubscriptionDraft, *, by: User | None, owner: User | None) -> dict[str, Any]:
    webhook = _find(Webhook, "webhook", pk=draft.webhook)
    account = None
    if draft.email is not None:
        account = User.objects.filter(email__iexact=draft.email).first()
    chosen = None
    if draft.owner is not None:
        chosen = User.objects.filter(email__iexact=draft.owner).first()
        if chosen is None:
            raise refusal("owner", f"No user has the address {draft.owner}: correct it.")
    # The address may be sent back as it is: what an account receives is always its own.
    owner = account or chosen or (owner if webhook is None else webhook.owner)
    _check_recipient(draft, by=by, owner=owner, account=account, webhook=webhook)
    return {
        "email": _known_spelling(draft.email or "") if account is None else account.email,
        "webhook": webhook,
        "owner": owner,
        **_responsible(draft, owner=owner),
        "agreement": _find(Agreement, "agreement", ref=draft.agreement),
        "party": _find(Party, "party", code=draft.party),
        "tag": draft.tag or "",
        "min_severity": draft.min_severity.value,
        "kinds": [kind.value for kind in draft.kinds],
        "from_escalation": draft.from_escalation,
        "frequency": draft.frequency.value,
        "digest_hour": draft.digest_hour,
        "digest_weekday": draft.digest_weekday,
        "quiet_from": draft.quiet_from,
        "quiet_until": draft.quiet_until,
        "timezone": draft.timezone,
        "is_active": draft.is_active,
    }


def _check_recipient(
    draft: SubscriptionDraft,
    *,
    by: User | None,
    owner: User | None,
    account: User | None,
    webhook: Webhook | None,
) -> None:
    """Refuse recipients that only administrators may choose: they carry data to other people.

    Raises:
        Invalid: at `email`, `webhook` or `owner`.
    """
    if by is None or by.is_administrator:
        return
    if draft.email is not None and account != by:
        sentence = "Only administrators can subscribe addresses other than their own: give yours."
        raise refusal("email", sentence)
    if webhook is not None and webhook.owner != by:
        # The same sentence as for a webhook that does not exist.
        raise refusal("webhook", f"Webhook {webhook.pk} does not exist.")
    if owner != by:
        raise refusal("owner", "Only administrators can create subscriptions for other users.")


def _responsible(draft: SubscriptionDraft, *, owner: User | None) -> dict[str, Any]:
    """Return the columns that say whose obligations a subscription follows.

    Raises:
        Invalid: there is no such user or team.
    """
    found: dict[str, Any] = {"is_mine": False, "responsible_user": None, "responsible_team": None}
    name = draft.responsible
    if name is None:
        return found
    slug = team_slug(name)
    if slug is not None:
        team = Team.objects.filter(slug=slug).first()
        if team is None:
            raise refusal("responsible", f"There is no team {slug}: correct the slug.")
        return {**found, "responsible_team": team}
    own = {ME, (draft.email or "").lower(), "" if owner is None else owner.email.lower()}
    if name.lower() in own:
        return {**found, "is_mine": True}
    user = User.objects.filter(email__iexact=name).first()
    if user is None:
        raise refusal("responsible", f"No user has the address {name}: correct it.")
    return {**found, "responsible_user": user}


def _known_spelling(email: str) -> str:
    """Return an address in the case already stored, so that it is not notified twice."""
    known = Subscription.objects.filter(email__iexact=email).order_by("id")
    return known.values_list("email", flat=True).first() or email


def _find(model: type[ModelT], field: str, **key: object) -> ModelT | None:
    [(name, value)] = key.items()
    if value is None:
        return None
    rows: models.QuerySet[ModelT] = model._default_manager.filter(**{name: value})
    if model is Agreement:
        rows = visible_to(rows, current_reader())
    found = rows.first()
    if found is None:
        raise refusal(field, f"{field.capitalize()} {value} does not exist.")
    return found


def _refuse_duplicate(columns: dict[str, Any], others: models.QuerySet[Subscription]) -> None:
    scope = {name: columns[name] for name in _SCOPE}
    same = {
        (f"{name}__isnull" if value is None else name): True if value is None else value
        for name, value in scope.items()
    }
    if others.filter(**same).exists():
        recipient = columns["email"] or columns["webhook"].name
        field = "email" if columns["email"] else "webhook"
        raise refusal(field, f"{recipient} already has a subscription to these alerts.")


_SCOPE = (
    "email", "webhook", "agreement", "party", "tag", "min_severity", "is_mine", "responsible_user",
    "responsible_team", "from_escalation",
)  # fmt: skip
