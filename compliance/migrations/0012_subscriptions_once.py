"""A recipient follows the same thing once, whatever it is that narrows it.

Built without a lock. Whatever code from before writes satisfies it, as that kept a narrower rule.
"""

from django.db import migrations, models

ONCE = (
    "email", "webhook", "agreement", "party", "tag", "min_severity", "is_owner", "from_escalation",
)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("compliance", "0011_who_was_told")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddConstraint(
                    model_name="subscription",
                    constraint=models.UniqueConstraint(
                        fields=ONCE, name="subscription_only_once", nulls_distinct=False
                    ),
                )
            ],
            database_operations=[
                migrations.RunSQL(
                    "CREATE UNIQUE INDEX CONCURRENTLY subscription_only_once"
                    " ON compliance_subscription (email, webhook_id, agreement_id, party_id, tag,"
                    " min_severity, is_owner, from_escalation) NULLS NOT DISTINCT",
                    "DROP INDEX CONCURRENTLY IF EXISTS subscription_only_once",
                ),
                migrations.RunSQL(
                    "ALTER TABLE compliance_subscription ADD CONSTRAINT subscription_only_once"
                    " UNIQUE USING INDEX subscription_only_once",
                    "ALTER TABLE compliance_subscription DROP CONSTRAINT subscription_only_once",
                ),
            ],
        ),
    ]
