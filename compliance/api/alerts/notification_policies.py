"""Alert ladders as rows: of agreements, and of single obligations."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class RungRow(serializers.Serializer[Any]):
    """One step of an alert ladder."""

    count = serializers.IntegerField()
    unit = serializers.ChoiceField(choices=["days", "business_days"])


class LadderRow(serializers.Serializer[Any]):
    """When people are reminded before a due date, and told again after a miss."""

    reminders = RungRow(many=True)
    escalations = RungRow(many=True)
