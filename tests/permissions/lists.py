"""The URLs of the API that list, count, search or add up objects of agreements."""

from __future__ import annotations

LISTS = (
    "agreements/", "obligations/", "deadlines/", "facts/", "determinations/", "proposals/",
    "evidence/", "positions/", "breaches/", "alerts/", "silences/", "subscriptions/", "webhooks/",
    "calendar-feeds/", "imports/", "summary/", "changes/between/?since=2026-01-01T00:00:00Z",
    "deadlines/?q=Zanzibar", "obligations/?q=Zanzibar", "agreements/?q=Zanzibar",
    "evidence/?q=Zanzibar", "deadlines/?obligor=ZANZIBAR", "deadlines/?tag=zanzibar",
    "deadlines/?responsible=kim@zanzibar.example", "deadlines/?as_of=2026-06-01T00:00:00Z",
    "summary/?group_by=agreement", "summary/?group_by=obligor", "summary/?group_by=tag",
    "summary/?group_by=agreement_kind,year&measures=compliance_rate,oldest_open_days,open",
    "trend/?from=2026-01&measures=count,statuses", "breaches/?ordering=occurred_at",
    "deadlines/?tag_prefix=zan",
    "summary/?group_by=breach_age,agreement", "upcoming/", "upcoming/?group_by=agreement&weeks=53",
    "reciprocity/?parties=ZANZIBAR,ACME", "reciprocity/?parties=CHN,ACME",
    "trend/?from=2026-01&measures=oldest_open_days,count",
    "breaches/?tag_any=zanzibar&ever_breached=true",
    "obligations/?is_open=true&since_after=2026-01-01",
    "parties/", "seals/", "tombstones/",
)  # fmt: skip
