"""The definition of who follows an alert, as SQL for every statement that needs it.

A subscription *wants* an alert by kind, escalation level and agreement. It *covers* a deadline
by party, tag, severity and responsible. It *follows* an alert if it does both. The audit has its
own definition on purpose (`queries.system.audit`), so that an error in one shows up in the other.

Arguments are SQL expressions; `subscription` is an alias of `compliance_subscription`. They must
not contain names that begin with an underscore, which the SQL here uses. The SQL has no parameters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from compliance.domain.vocabulary import BreachEnd, Capacity, Severity
from compliance.models.alerts.entitlements import may_receive
from compliance.models.alerts.subscriptions import Subscription
from compliance.models.deadlines.breaches import Breach

_SEVERITIES = "ARRAY[" + ", ".join(f"'{severity.value}'" for severity in Severity) + "]"


def concerns(subscription: str, *, agreement: str) -> str:
    """Return the condition that a subscription is about an agreement, or about all agreements."""
    return f"({subscription}.agreement_id IS NULL OR {subscription}.agreement_id = {agreement})"


def wants(subscription: str, *, kind: str, level: str, agreement: str) -> str:
    """Return the condition that a subscription receives alerts of this kind and level."""
    s = subscription
    return f"""(
        {s}.is_active AND ({s}.kinds = '{{}}' OR {kind} = ANY({s}.kinds))
        AND {s}.from_escalation <= {level}
        AND {concerns(s, agreement=agreement)}
        AND ({s}.webhook_id IS NULL OR EXISTS (
            SELECT FROM compliance_webhook AS _w WHERE _w.id = {s}.webhook_id AND _w.is_active)))"""


def covers(subscription: str, *, obligation: str, deadline: str) -> str:
    """Return the condition that a subscription covers a deadline as its obligation now reads.

    If each obligor has a deadline of its own, the party of a subscription is this obligor, or an
    obligee.
    """
    s = subscription
    # Most subscriptions name no tag, severity or responsible, so the obligation need not be read.
    return f"""(
        ({s}.party_id IS NULL OR EXISTS (
            SELECT FROM compliance_obligationparty AS _p
            WHERE _p.obligation_id = {obligation} AND _p.party_id = {s}.party_id
              AND (_p.capacity = '{Capacity.OBLIGEE.value}' OR NOT EXISTS (
                SELECT FROM compliance_deadline AS _d
                WHERE _d.id = {deadline} AND _d.party_id <> {s}.party_id))))
        AND ({s}.tag = '' AND {s}.min_severity = '{Severity.LOW.value}' AND {_of_anyone(s)}
            OR EXISTS (
                SELECT FROM compliance_obligation AS _o
                WHERE _o.id = {obligation} AND ({s}.tag = '' OR {s}.tag = ANY(_o.tags))
                  AND array_position({_SEVERITIES}, _o.severity::text)
                      >= array_position({_SEVERITIES}, {s}.min_severity::text)
                  AND ({_of_anyone(s)} OR {answers_for(s, obligation=obligation)}))))"""


def _of_anyone(s: str) -> str:
    return (
        f"(NOT {s}.is_mine AND {s}.responsible_user_id IS NULL AND {s}.responsible_team_id IS NULL)"
    )


def answers_for(subscription: str, *, obligation: str) -> str:
    """Return the condition that those whose obligations a subscription follows are responsible.

    The recipient of an email is the account with its address, and that of a webhook its owner.
    They are also responsible for what their teams are responsible for at the moment.
    """
    s = subscription
    account = f"(SELECT _u.id FROM compliance_user AS _u WHERE lower(_u.email) = lower({s}.email))"
    recipient = f"CASE WHEN {s}.webhook_id IS NOT NULL THEN {s}.owner_id ELSE {account} END"
    return f"""EXISTS (
            SELECT FROM compliance_responsibility AS _r
            WHERE _r.obligation_id = {obligation} AND (
                _r.user_id = {s}.responsible_user_id OR _r.team_id = {s}.responsible_team_id
                OR {s}.is_mine AND (
                    lower(_r.address) = lower({s}.email) AND _r.address <> ''
                    OR _r.user_id = {recipient}
                    OR _r.team_id IN (
                        SELECT _m.team_id FROM compliance_membership AS _m
                        WHERE _m.user_id = {recipient}))))"""


def follows(
    subscription: str, *, kind: str, level: str, agreement: str, obligation: str, deadline: str
) -> str:
    """Return the condition that a subscription follows an alert."""
    return (
        wants(subscription, kind=kind, level=level, agreement=agreement)
        + "\n      AND "
        + covers(subscription, obligation=obligation, deadline=deadline)
    )


def causes(message_ids: Sequence[int]) -> dict[int, list[Subscription]]:
    """Return the active subscriptions that follow an alert in each of these emails, by message id.

    If those that caused an email have been changed since, the subscriptions of the recipient to the
    agreement, or all of them for a digest or summary, stand in for them.
    """
    found: dict[int, list[int]] = defaultdict(list)
    others: dict[int, list[int]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_CAUSES, {"messages": list(message_ids)})
        for message_id, subscription_id, is_cause in cursor.fetchall():
            (found if is_cause else others)[message_id].append(subscription_id)
    wanted = {pk for ids in (*found.values(), *others.values()) for pk in ids}
    rows = Subscription.objects.select_related("agreement", "party").in_bulk(wanted)
    return {
        message_id: [rows[pk] for pk in found.get(message_id, others[message_id]) if pk in rows]
        for message_id in {*found, *others}
    }


def followed_breaches(subscription: Subscription) -> QuerySet[Breach]:
    """Return the breaches that a subscription covers and its recipient may see, newest first.

    Earlier ones are included.
    """
    ids = RawSQL(_FOLLOWED, [subscription.pk])  # noqa: S611  the key is a parameter
    found = Breach.objects.filter(pk__in=ids).exclude(end_reason=BreachEnd.VOIDED.value)
    return found.order_by("-occurred_at", "-id")


FOLLOWS_ALERT = follows(
    "s",
    kind="a.kind",
    level="a.level",
    agreement="a.agreement_id",
    obligation="d.obligation_id",
    deadline="d.id",
)
"""Whether the subscription `s` follows the alert `a` about the deadline `d`."""

_CAUSES = f"""
    SELECT m.id, s.id, EXISTS (
        SELECT FROM compliance_alert AS a JOIN compliance_deadline AS d ON d.id = a.deadline_id
        WHERE a.message_id = m.id AND a.withdrawn_at IS NULL AND {FOLLOWS_ALERT})
    FROM compliance_message AS m
    JOIN compliance_subscription AS s ON s.recipient = m.recipient
    LEFT JOIN compliance_agreement AS g ON g.id = s.agreement_id
    WHERE m.id = ANY(%(messages)s) AND m.webhook_id IS NULL AND s.is_active
      AND (m.agreement_id IS NULL OR {concerns("s", agreement="m.agreement_id")})
      -- Its title would be named.
      AND (g.id IS NULL OR {may_receive("m", "g")})
    ORDER BY m.id, s.id
"""

_FOLLOWED = f"""
    SELECT b.id
    FROM compliance_breach AS b
    JOIN compliance_deadline AS d ON d.id = b.deadline_id
    JOIN compliance_subscription AS s ON s.id = %s
    JOIN compliance_agreement AS g ON g.id = d.agreement_id
    WHERE {may_receive("s", "g")} AND {concerns("s", agreement="d.agreement_id")}
      AND {covers("s", obligation="d.obligation_id", deadline="d.id")}
"""
