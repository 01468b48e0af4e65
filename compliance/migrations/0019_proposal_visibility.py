"""Proposals that name no agreement do not exist for everybody.

One that would import a new agreement contains its document, and one that has purged an agreement
tells that it existed.
"""

from __future__ import annotations

from django.db import migrations

# Parties and calendars are registers that everybody shares.
_WITHOUT_AGREEMENT = """
    {row}.change IN ('party', 'party_merge', 'calendar') OR (
        SELECT who ->> 'teams' IS NULL AND who ->> 'agreements' IS NULL AND (
            {row}.proposed_by_id = (who ->> 'user')::bigint
            OR {row}.change = 'import'
            AND coalesce({row}.draft -> 'document' ->> 'visibility', 'everyone') <> 'teams')
        FROM (SELECT current_setting('pacta.reader', TRUE)::jsonb AS who) AS reader)
"""
_ROW = f"""
    CASE WHEN {{row}}.agreement_id IS NOT NULL THEN {{row}}.agreement_id NOT IN {{hidden}}
    ELSE {_WITHOUT_AGREEMENT} END
"""
# The history of a purged agreement must not appear when the agreement is gone.
_EVENT = f"""
    CASE WHEN {{row}}.agreement_id IS NOT NULL THEN EXISTS (
        SELECT FROM compliance_agreement AS _seen WHERE _seen.id = {{row}}.agreement_id)
    ELSE {_WITHOUT_AGREEMENT} END
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0018_proposed_changes")]

    operations = [
        migrations.RunSQL(
            f"""
            SELECT compliance_secure_rows('compliance_proposal', $condition${_ROW}$condition$);
            SELECT compliance_secure_rows(
                'compliance_proposalevent', $condition${_EVENT}$condition$, 'TRUE');
            """,
            migrations.RunSQL.noop,
        ),
    ]
