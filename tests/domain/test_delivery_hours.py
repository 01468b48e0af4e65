"""When alerts are delivered: digests and quiet hours in the time zone of the subscriber."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.domain import civil_time
from compliance.domain.alerts.delivery_hours import Hours, next_delivery_at
from compliance.domain.vocabulary import NotificationFrequency

ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "at", "expected"),
    [
        (Hours(), "2026-03-02T23:30", "2026-03-02T23:30"),
        (Hours(frequency=NotificationFrequency.DAILY), "2026-03-02T07:59", "2026-03-02T08:00"),
        (Hours(frequency=NotificationFrequency.DAILY), "2026-03-02T08:00", "2026-03-02T08:00"),
        (Hours(frequency=NotificationFrequency.DAILY), "2026-03-02T08:01", "2026-03-03T08:00"),
        (
            Hours(frequency=NotificationFrequency.DAILY, timezone="America/New_York"),
            # The clocks there go forward in the night between.
            "2026-03-07T14:00",
            "2026-03-08T12:00",
        ),
        (
            Hours(frequency=NotificationFrequency.WEEKLY, digest_weekday=4),
            "2026-03-02T00:00",
            "2026-03-06T08:00",
        ),
        (
            Hours(frequency=NotificationFrequency.WEEKLY, digest_weekday=0),
            "2026-03-02T08:01",
            "2026-03-09T08:00",
        ),
        (
            Hours(quiet_from=time(22), quiet_until=time(7), timezone="Asia/Shanghai"),
            "2026-03-02T15:00",
            "2026-03-02T23:00",
        ),
        (Hours(quiet_from=time(22), quiet_until=time(7)), "2026-03-02T06:59", "2026-03-02T07:00"),
        (Hours(quiet_from=time(22), quiet_until=time(7)), "2026-03-02T07:00", "2026-03-02T07:00"),
        (Hours(quiet_from=time(12), quiet_until=time(13)), "2026-03-02T12:30", "2026-03-02T13:00"),
        (Hours(quiet_from=time(9), quiet_until=time(9)), "2026-03-02T09:00", "2026-03-02T09:00"),
    ],
)
def test_alerts_are_delivered_at_the_hours_of_each_subscriber(
    hours: Hours, at: str, expected: str
) -> None:
    assert next_delivery_at(hours, utc(at)) == utc(expected)


@given(
    at=st.integers(0, 6 * 366 * 86_400).map(lambda n: utc("2024-01-01") + timedelta(seconds=n)),
    hours=st.builds(
        Hours,
        frequency=st.sampled_from(NotificationFrequency),
        timezone=st.sampled_from(ZONES),
        digest_hour=st.integers(0, 23),
        digest_weekday=st.integers(0, 6),
        quiet_from=st.times(),
        quiet_until=st.times(),
    ),
)
def test_no_alert_is_early_or_waits_longer_than_its_frequency(at: datetime, hours: Hours) -> None:
    deliver_at = next_delivery_at(hours, at)
    longest = {
        NotificationFrequency.IMMEDIATE: 1,
        NotificationFrequency.DAILY: 1,
        NotificationFrequency.WEEKLY: 7,
    }[hours.frequency]
    assert at <= deliver_at <= at + timedelta(days=longest, hours=2)
    assert next_delivery_at(hours, deliver_at) == deliver_at
    if hours.frequency is NotificationFrequency.WEEKLY:
        assert civil_time.wall_clock(deliver_at, hours.timezone).weekday() == hours.digest_weekday
