"""An alert is about a deadline of its agreement, which one key checks instead of two.

Everything is built and looked at without a lock that lasts. Whatever code from before writes
satisfies it.
"""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

MESSAGE_INDEX = "compliance_alert_message_id_99f97f9f"


def fillfactor(index):
    """Every alert is written twice: when it is made, and when it is put into a message. The
    second time finds room beside the first, instead of splitting every page."""
    return migrations.RunSQL(
        f"ALTER INDEX {index} SET (fillfactor = 50)", f"ALTER INDEX {index} RESET (fillfactor)"
    )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("compliance", "0014_unwatched_deadlines")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddConstraint(
                    model_name="deadline",
                    constraint=models.UniqueConstraint(
                        fields=("agreement", "id"), name="deadline_in_agreement"
                    ),
                )
            ],
            database_operations=[
                migrations.RunSQL(
                    "CREATE UNIQUE INDEX CONCURRENTLY deadline_in_agreement"
                    " ON compliance_deadline (agreement_id, id)",
                    "DROP INDEX CONCURRENTLY IF EXISTS deadline_in_agreement",
                ),
                migrations.RunSQL(
                    "ALTER TABLE compliance_deadline ADD CONSTRAINT deadline_in_agreement"
                    " UNIQUE USING INDEX deadline_in_agreement",
                    "ALTER TABLE compliance_deadline DROP CONSTRAINT deadline_in_agreement",
                ),
            ],
        ),
        migrations.RunSQL(
            "ALTER TABLE compliance_alert ADD CONSTRAINT alert_same_agreement"
            " FOREIGN KEY (agreement_id, deadline_id)"
            " REFERENCES compliance_deadline (agreement_id, id)"
            " DEFERRABLE INITIALLY DEFERRED NOT VALID",
            "ALTER TABLE compliance_alert DROP CONSTRAINT alert_same_agreement",
        ),
        migrations.RunSQL(
            "ALTER TABLE compliance_alert VALIDATE CONSTRAINT alert_same_agreement",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name="alert",
            name="deadline",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="alerts",
                to="compliance.deadline",
            ),
        ),
        migrations.AlterField(
            model_name="alert",
            name="agreement",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="alerts",
                to="compliance.agreement",
            ),
        ),
        AddIndexConcurrently(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("message__isnull", False)),
                fields=["message"],
                name="alert_in_message",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="alert",
                    name="message",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alerts",
                        to="compliance.message",
                    ),
                )
            ],
            database_operations=[
                migrations.RunSQL(
                    f"DROP INDEX CONCURRENTLY {MESSAGE_INDEX}",
                    f"CREATE INDEX CONCURRENTLY {MESSAGE_INDEX} ON compliance_alert (message_id)",
                )
            ],
        ),
        fillfactor("alert_once"),
        fillfactor("compliance_alert_pkey"),
    ]
