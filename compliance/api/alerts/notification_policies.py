"""Notification policies of agreements and of single obligations, as rows."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class PolicyStepRow(serializers.Serializer[Any]):
    """One reminder or escalation step."""

    count = serializers.IntegerField()
    unit = serializers.ChoiceField(choices=["days", "business_days"])


class NotificationPolicyRow(serializers.Serializer[Any]):
    """When reminders are sent before a due date, and escalations after a breach."""

    reminders = PolicyStepRow(many=True)
    escalations = PolicyStepRow(many=True)
