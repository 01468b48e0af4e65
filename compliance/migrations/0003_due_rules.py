"""Every way to say when something is due: tables, columns, words.

Constraints on tables that may be large are added without a look at the rows that are there:
that follows, without a lock, in 0005.
"""

import datetime
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.comparison
import pgtrigger.compiler
import pgtrigger.migrations
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0002_within_one_agreement"),
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClosingDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("on", models.DateField()),
                ("reason", models.CharField(max_length=200)),
            ],
            options={
                "ordering": ("on",),
            },
        ),
        migrations.CreateModel(
            name="ClosingDayEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("on", models.DateField()),
                ("reason", models.CharField(max_length=200)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Dependency",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "dependencies",
            },
        ),
        migrations.CreateModel(
            name="DeskCalendar",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.SlugField(max_length=32, unique=True)),
                ("title", models.CharField(max_length=200)),
                (
                    "weekend",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(),
                        blank=True,
                        default=list,
                        help_text="Weekdays that are always closed: 0 is Monday, 6 is Sunday.",
                        size=None,
                    ),
                ),
            ],
            options={
                "ordering": ("code",),
            },
        ),
        migrations.CreateModel(
            name="DeskCalendarEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("code", models.SlugField(db_index=False, max_length=32)),
                ("title", models.CharField(max_length=200)),
                (
                    "weekend",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(),
                        blank=True,
                        default=list,
                        help_text="Weekdays that are always closed: 0 is Monday, 6 is Sunday.",
                        size=None,
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Milestone",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ref", models.CharField(max_length=64)),
                ("title", models.CharField(blank=True, default="", max_length=200)),
                ("on", models.DateField(blank=True, null=True)),
                ("at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="MilestoneEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("ref", models.CharField(max_length=64)),
                ("title", models.CharField(blank=True, default="", max_length=200)),
                ("on", models.DateField(blank=True, null=True)),
                ("at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Move",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("from_due_at", models.DateTimeField(null=True)),
                ("to_due_at", models.DateTimeField(null=True)),
                ("problem", models.TextField(blank=True, default="")),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="Recomputation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("as_of", models.DateTimeField()),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("data_version", models.CharField(max_length=100)),
                (
                    "horizon",
                    models.DateField(help_text="The day up to which recurrences are made."),
                ),
                ("examined", models.PositiveIntegerField(default=0)),
                ("moved", models.PositiveIntegerField(default=0)),
                ("failed", models.PositiveIntegerField(default=0)),
            ],
            options={
                "ordering": ("-id",),
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="obligation",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="obligation",
            name="update_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="obligation",
            name="delete_delete",
        ),
        migrations.RemoveConstraint(
            model_name="breach",
            name="breach_end_reason_known",
        ),
        migrations.RemoveConstraint(
            model_name="deadline",
            name="deadline_status_known",
        ),
        migrations.RemoveConstraint(
            model_name="fact",
            name="fact_kind_known",
        ),
        migrations.RemoveConstraint(
            model_name="fact",
            name="fact_extension_has_due",
        ),
        migrations.RemoveConstraint(
            model_name="fact",
            name="fact_quantity_positive",
        ),
        migrations.RemoveConstraint(
            model_name="ledgerentry",
            name="ledgerentry_status_known",
        ),
        migrations.RemoveConstraint(
            model_name="ledgerentry",
            name="ledgerentry_reason_known",
        ),
        migrations.RemoveConstraint(
            model_name="obligation",
            name="obligation_kind_known",
        ),
        migrations.AddField(
            model_name="deadline",
            name="data_version",
            field=models.CharField(
                db_default="",
                default="",
                help_text="The zone and holiday data it was worked out with; empty: to be worked out.",
                max_length=100,
            ),
        ),
        migrations.AddField(
            model_name="deadline",
            name="first_at",
            field=models.DateTimeField(
                help_text="From here to due_at it is in time by one reading, late by another.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="deadline",
            name="has_dependents",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Other deadlines are counted from this one.",
            ),
        ),
        migrations.AddField(
            model_name="deadline",
            name="is_ambiguous",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="deadline",
            name="is_withdrawn",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Its corrected rule yields it no more."
            ),
        ),
        migrations.AddField(
            model_name="deadline",
            name="moves",
            field=models.JSONField(
                help_text="Due dates worked out for extensions, triggers and moved anchors.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="deadline",
            name="original_first_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="deadline",
            name="performed_quantity",
            field=models.DecimalField(db_default=0, decimal_places=6, default=0, max_digits=20),
        ),
        migrations.AddField(
            model_name="deadline",
            name="starts_at",
            field=models.DateTimeField(help_text="When a period to hold in begins.", null=True),
        ),
        migrations.AddField(
            model_name="deadline",
            name="target_quantity",
            field=models.DecimalField(decimal_places=6, max_digits=20, null=True),
        ),
        migrations.AddField(
            model_name="deadline",
            name="trace",
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
        ),
        migrations.AddField(
            model_name="deadline",
            name="warnings",
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
        ),
        migrations.AddField(
            model_name="fact",
            name="agreement",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="Set in place of the deadline by what befell the whole agreement.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="facts",
                to="compliance.agreement",
            ),
        ),
        migrations.AddField(
            model_name="fact",
            name="is_tolling",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Whether a suspension moves the due date.",
            ),
        ),
        migrations.AddField(
            model_name="fact",
            name="until_at",
            field=models.DateTimeField(
                blank=True, help_text="The end of a violation or suspension, exclusive.", null=True
            ),
        ),
        migrations.AddField(
            model_name="fact",
            name="until_on",
            field=models.DateField(
                blank=True, help_text="Set when only its last civil day is known.", null=True
            ),
        ),
        migrations.AddField(
            model_name="obligation",
            name="is_surviving",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Suspension and termination of the agreement do not reach this obligation.",
            ),
        ),
        migrations.AddField(
            model_name="obligation",
            name="starts",
            field=models.JSONField(
                blank=True,
                help_text="When the period begins in which to maintain or refrain.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="obligationevent",
            name="is_surviving",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Suspension and termination of the agreement do not reach this obligation.",
            ),
        ),
        migrations.AddField(
            model_name="obligationevent",
            name="starts",
            field=models.JSONField(
                blank=True,
                help_text="When the period begins in which to maintain or refrain.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="breach",
            name="end_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("performed", "performed"),
                    ("cured", "cured"),
                    ("extended", "extended"),
                    ("rescheduled", "rescheduled"),
                    ("waived", "waived"),
                    ("suspended", "suspended"),
                    ("cancelled", "cancelled"),
                    ("terminated", "terminated"),
                    ("withdrawn", "withdrawn"),
                    ("voided", "voided"),
                ],
                max_length=32,
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="deadline",
            name="due_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="deadline",
            name="due_on",
            field=models.DateField(help_text="Empty while dormant, or without an end.", null=True),
        ),
        migrations.AlterField(
            model_name="deadline",
            name="original_due_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="deadline",
            name="original_due_on",
            field=models.DateField(null=True),
        ),
        migrations.AlterField(
            model_name="deadline",
            name="original_unmet_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="deadline",
            name="status",
            field=models.CharField(
                choices=[
                    ("dormant", "dormant"),
                    ("pending", "pending"),
                    ("holding", "holding"),
                    ("in_grace", "in grace"),
                    ("unmet", "unmet"),
                    ("partly_met", "partly met"),
                    ("met", "met"),
                    ("met_late", "met late"),
                    ("waived", "waived"),
                    ("suspended", "suspended"),
                    ("cancelled", "cancelled"),
                ],
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="deadline",
            name="unmet_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="fact",
            name="deadline",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="facts",
                to="compliance.deadline",
            ),
        ),
        migrations.AlterField(
            model_name="fact",
            name="kind",
            field=models.CharField(
                choices=[
                    ("performance", "performance"),
                    ("violation", "violation"),
                    ("extension", "extension"),
                    ("restatement", "restatement"),
                    ("waiver", "waiver"),
                    ("suspension", "suspension"),
                    ("cancellation", "cancellation"),
                    ("termination", "termination"),
                    ("trigger", "trigger"),
                    ("retraction", "retraction"),
                ],
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="due_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="due_on",
            field=models.DateField(null=True),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="reason",
            field=models.CharField(
                choices=[
                    ("agreed", "agreed"),
                    ("triggered", "triggered"),
                    ("period_began", "period began"),
                    ("period_ended", "period ended"),
                    ("window_began", "window began"),
                    ("due_passed", "due passed"),
                    ("grace_ended", "grace ended"),
                    ("performed", "performed"),
                    ("performed_in_window", "performed in window"),
                    ("part_performed", "part performed"),
                    ("target_restated", "target restated"),
                    ("violated", "violated"),
                    ("cured", "cured"),
                    ("extended", "extended"),
                    ("rescheduled", "rescheduled"),
                    ("waived", "waived"),
                    ("suspended", "suspended"),
                    ("resumed", "resumed"),
                    ("cancelled", "cancelled"),
                    ("terminated", "terminated"),
                    ("withdrawn", "withdrawn"),
                ],
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="status",
            field=models.CharField(
                choices=[
                    ("dormant", "dormant"),
                    ("pending", "pending"),
                    ("holding", "holding"),
                    ("in_grace", "in grace"),
                    ("unmet", "unmet"),
                    ("partly_met", "partly met"),
                    ("met", "met"),
                    ("met_late", "met late"),
                    ("waived", "waived"),
                    ("suspended", "suspended"),
                    ("cancelled", "cancelled"),
                ],
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="unmet_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="obligation",
            name="kind",
            field=models.CharField(
                choices=[("achieve", "achieve"), ("maintain", "maintain"), ("refrain", "refrain")],
                default="achieve",
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="obligationevent",
            name="kind",
            field=models.CharField(
                choices=[("achieve", "achieve"), ("maintain", "maintain"), ("refrain", "refrain")],
                default="achieve",
                max_length=32,
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="obligation",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_obligationevent" ("agreement_id", "clause", "due", "grace", "id", "is_surviving", "kind", "owner", "parent_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "severity", "starts", "tags", "target_quantity", "text", "title", "unit") SELECT new_values."agreement_id", new_values."clause", new_values."due", new_values."grace", new_values."id", new_values."is_surviving", new_values."kind", new_values."owner", new_values."parent_id", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."ref", new_values."severity", new_values."starts", new_values."tags", new_values."target_quantity", new_values."text", new_values."title", new_values."unit" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;',
                    hash="ec141e2844f7e7ec47efda9b88dff2a211ac8958",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_d295b",
                    referencing="REFERENCING NEW TABLE AS new_values ",
                    table="compliance_obligation",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="obligation",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_obligationevent" ("agreement_id", "clause", "due", "grace", "id", "is_surviving", "kind", "owner", "parent_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "severity", "starts", "tags", "target_quantity", "text", "title", "unit") SELECT new_values."agreement_id", new_values."clause", new_values."due", new_values."grace", new_values."id", new_values."is_surviving", new_values."kind", new_values."owner", new_values."parent_id", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."ref", new_values."severity", new_values."starts", new_values."tags", new_values."target_quantity", new_values."text", new_values."title", new_values."unit" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;',
                    hash="a453967bff3c43197cb8e74adf6752a1c67154c3",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_53828",
                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                    table="compliance_obligation",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="obligation",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_obligationevent" ("agreement_id", "clause", "due", "grace", "id", "is_surviving", "kind", "owner", "parent_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "severity", "starts", "tags", "target_quantity", "text", "title", "unit") SELECT old_values."agreement_id", old_values."clause", old_values."due", old_values."grace", old_values."id", old_values."is_surviving", old_values."kind", old_values."owner", old_values."parent_id", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."ref", old_values."severity", old_values."starts", old_values."tags", old_values."target_quantity", old_values."text", old_values."title", old_values."unit" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;',
                    hash="ef3c379bd97805ebdcaabd1a3e57002e7f647786",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_ec4eb",
                    referencing="REFERENCING OLD TABLE AS old_values ",
                    table="compliance_obligation",
                    when="AFTER",
                ),
            ),
        ),
        AddConstraintNotValid(
            model_name="breach",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "end_reason__in",
                        [
                            "performed",
                            "cured",
                            "extended",
                            "rescheduled",
                            "waived",
                            "suspended",
                            "cancelled",
                            "terminated",
                            "withdrawn",
                            "voided",
                        ],
                    )
                ),
                name="breach_end_reason_known",
            ),
        ),
        AddConstraintNotValid(
            model_name="deadline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            "dormant",
                            "pending",
                            "holding",
                            "in_grace",
                            "unmet",
                            "partly_met",
                            "met",
                            "met_late",
                            "waived",
                            "suspended",
                            "cancelled",
                        ],
                    )
                ),
                name="deadline_status_known",
            ),
        ),
        AddConstraintNotValid(
            model_name="deadline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("due_at__isnull", True),
                        ("due_on__isnull", True),
                        ("unmet_at__isnull", True),
                    ),
                    models.Q(
                        ("due_at__isnull", False),
                        ("due_on__isnull", False),
                        ("unmet_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="deadline_due_whole",
            ),
        ),
        AddConstraintNotValid(
            model_name="fact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "performance",
                            "violation",
                            "extension",
                            "restatement",
                            "waiver",
                            "suspension",
                            "cancellation",
                            "termination",
                            "trigger",
                            "retraction",
                        ],
                    )
                ),
                name="fact_kind_known",
            ),
        ),
        AddConstraintNotValid(
            model_name="fact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("agreement__isnull", True), ("deadline__isnull", False)),
                    models.Q(("agreement__isnull", False), ("deadline__isnull", True)),
                    _connector="OR",
                ),
                name="fact_of_a_deadline_or_an_agreement",
            ),
        ),
        AddConstraintNotValid(
            model_name="fact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("agreement__isnull", False),
                        ("kind__in", ["suspension", "termination", "retraction"]),
                    ),
                    models.Q(
                        ("agreement__isnull", True),
                        models.Q(("kind", "termination"), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="fact_termination_of_an_agreement",
            ),
        ),
        AddConstraintNotValid(
            model_name="fact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("due__isnull", False),
                        ("due_at__isnull", False),
                        ("due_on__isnull", False),
                        ("kind", "extension"),
                        ("unmet_at__gte", models.F("due_at")),
                    ),
                    models.Q(
                        ("due__isnull", True),
                        ("due_at__isnull", False),
                        ("due_on__isnull", False),
                        ("kind", "trigger"),
                        ("unmet_at__gte", models.F("due_at")),
                    ),
                    models.Q(
                        models.Q(("kind__in", ["extension", "trigger"]), _negated=True),
                        ("due__isnull", True),
                        ("due_at__isnull", True),
                        ("due_on__isnull", True),
                        ("unmet_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="fact_sets_a_due_date",
            ),
        ),
        AddConstraintNotValid(
            model_name="fact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("until_at__isnull", True), ("until_on__isnull", True)),
                    models.Q(
                        ("kind__in", ["violation", "suspension", "retraction"]),
                        ("until_at__gt", models.F("effective_at")),
                    ),
                    _connector="OR",
                ),
                name="fact_lasts_until_later",
            ),
        ),
        AddConstraintNotValid(
            model_name="fact",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_tolling", False), ("kind", "suspension"), _connector="OR"),
                name="fact_only_suspensions_toll",
            ),
        ),
        AddConstraintNotValid(
            model_name="fact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "restatement"), _negated=True),
                    ("quantity__isnull", False),
                    _connector="OR",
                ),
                name="fact_restatement_has_quantity",
            ),
        ),
        AddConstraintNotValid(
            model_name="fact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("quantity__isnull", True),
                    models.Q(("kind__in", ["performance", "restatement"]), ("quantity__gt", 0)),
                    _connector="OR",
                ),
                name="fact_counts_something",
            ),
        ),
        AddConstraintNotValid(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            "dormant",
                            "pending",
                            "holding",
                            "in_grace",
                            "unmet",
                            "partly_met",
                            "met",
                            "met_late",
                            "waived",
                            "suspended",
                            "cancelled",
                        ],
                    )
                ),
                name="ledgerentry_status_known",
            ),
        ),
        AddConstraintNotValid(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "reason__in",
                        [
                            "agreed",
                            "triggered",
                            "period_began",
                            "period_ended",
                            "window_began",
                            "due_passed",
                            "grace_ended",
                            "performed",
                            "performed_in_window",
                            "part_performed",
                            "target_restated",
                            "violated",
                            "cured",
                            "extended",
                            "rescheduled",
                            "waived",
                            "suspended",
                            "resumed",
                            "cancelled",
                            "terminated",
                            "withdrawn",
                        ],
                    )
                ),
                name="ledgerentry_reason_known",
            ),
        ),
        AddConstraintNotValid(
            model_name="obligation",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["achieve", "maintain", "refrain"])),
                name="obligation_kind_known",
            ),
        ),
        AddConstraintNotValid(
            model_name="obligation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("starts__isnull", True),
                    models.Q(("kind", "achieve"), _negated=True),
                    _connector="OR",
                ),
                name="obligation_starts_of_a_period",
            ),
        ),
        migrations.AddField(
            model_name="closingdayevent",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        migrations.AddField(
            model_name="closingdayevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="compliance.closingday",
            ),
        ),
        migrations.AddField(
            model_name="dependency",
            name="obligation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="dependencies",
                to="compliance.obligation",
            ),
        ),
        migrations.AddField(
            model_name="dependency",
            name="on",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="dependents",
                to="compliance.obligation",
            ),
        ),
        migrations.AddConstraint(
            model_name="deskcalendar",
            constraint=models.CheckConstraint(
                condition=models.Q(("code__regex", "^[a-z0-9][a-z0-9-]{0,31}$")),
                name="deskcalendar_code_form",
            ),
        ),
        migrations.AddConstraint(
            model_name="deskcalendar",
            constraint=models.CheckConstraint(
                condition=models.Q(("weekend__contained_by", [0, 1, 2, 3, 4, 5, 6])),
                name="deskcalendar_weekdays",
            ),
        ),
        migrations.AddField(
            model_name="closingdayevent",
            name="calendar",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="compliance.deskcalendar",
            ),
        ),
        migrations.AddField(
            model_name="closingday",
            name="calendar",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="closing_days",
                to="compliance.deskcalendar",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deskcalendar",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_deskcalendarevent" ("code", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "title", "weekend") SELECT new_values."code", new_values."id", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."title", new_values."weekend" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;',
                    hash="ea3468b9fd8bef1490a58755639c659348d13e00",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_d8f35",
                    referencing="REFERENCING NEW TABLE AS new_values ",
                    table="compliance_deskcalendar",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deskcalendar",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_deskcalendarevent" ("code", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "title", "weekend") SELECT new_values."code", new_values."id", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."title", new_values."weekend" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;',
                    hash="851568cd5ea18d14d2fff2f35dc700ed970c89df",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_327eb",
                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                    table="compliance_deskcalendar",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deskcalendar",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_deskcalendarevent" ("code", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "title", "weekend") SELECT old_values."code", old_values."id", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."title", old_values."weekend" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;',
                    hash="9c52af101392cc4d356eefadf8157dd6a5087d9c",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_d282b",
                    referencing="REFERENCING OLD TABLE AS old_values ",
                    table="compliance_deskcalendar",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="deskcalendarevent",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        migrations.AddField(
            model_name="deskcalendarevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="compliance.deskcalendar",
            ),
        ),
        migrations.AddField(
            model_name="milestone",
            name="agreement",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="milestones",
                to="compliance.agreement",
            ),
        ),
        migrations.AddField(
            model_name="dependency",
            name="milestone",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="dependents",
                to="compliance.milestone",
            ),
        ),
        migrations.AddField(
            model_name="milestoneevent",
            name="agreement",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="compliance.agreement",
            ),
        ),
        migrations.AddField(
            model_name="milestoneevent",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        migrations.AddField(
            model_name="milestoneevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="compliance.milestone",
            ),
        ),
        migrations.AddField(
            model_name="move",
            name="deadline",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="compliance.deadline",
            ),
        ),
        migrations.AddField(
            model_name="move",
            name="recomputation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="moves",
                to="compliance.recomputation",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="closingdayevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="b1242ea711e2223b4ec6a31387566ccf56a6c4ca",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_23a9b",
                    table="compliance_closingdayevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="closingday",
            constraint=models.UniqueConstraint(fields=("calendar", "on"), name="closingday_once"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="closingday",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_closingdayevent" ("calendar_id", "id", "on", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason") SELECT new_values."calendar_id", new_values."id", new_values."on", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."reason" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;',
                    hash="7c8b9275552b01978d94cdc0626490f61c23a394",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_dfcec",
                    referencing="REFERENCING NEW TABLE AS new_values ",
                    table="compliance_closingday",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="closingday",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_closingdayevent" ("calendar_id", "id", "on", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason") SELECT new_values."calendar_id", new_values."id", new_values."on", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."reason" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;',
                    hash="200a86f6a365e6820f4b14424612cf10eee247a9",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_79c5c",
                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                    table="compliance_closingday",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="closingday",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_closingdayevent" ("calendar_id", "id", "on", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason") SELECT old_values."calendar_id", old_values."id", old_values."on", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."reason" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;',
                    hash="156777924f7e1787464b30621f279aa6f03e1fc3",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_57c4b",
                    referencing="REFERENCING OLD TABLE AS old_values ",
                    table="compliance_closingday",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deskcalendarevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="6617fce7c36e46165c846fb54a1fc5d1485dc43c",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_106fd",
                    table="compliance_deskcalendarevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="milestone",
            constraint=models.UniqueConstraint(
                fields=("agreement", "ref"), name="milestone_ref_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="milestone",
            constraint=models.CheckConstraint(
                condition=models.Q(("on__isnull", True), ("at__isnull", True), _connector="OR"),
                name="milestone_dated_once",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="milestone",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_milestoneevent" ("agreement_id", "at", "id", "on", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "title") SELECT new_values."agreement_id", new_values."at", new_values."id", new_values."on", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."ref", new_values."title" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;',
                    hash="42e4413b023d42a73b8c480f98bcd390c1a31a28",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_2772a",
                    referencing="REFERENCING NEW TABLE AS new_values ",
                    table="compliance_milestone",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="milestone",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_milestoneevent" ("agreement_id", "at", "id", "on", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "title") SELECT new_values."agreement_id", new_values."at", new_values."id", new_values."on", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."ref", new_values."title" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;',
                    hash="853757aaae521e3e0736e2153b81ce98187862b0",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_f86ea",
                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                    table="compliance_milestone",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="milestone",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_milestoneevent" ("agreement_id", "at", "id", "on", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "title") SELECT old_values."agreement_id", old_values."at", old_values."id", old_values."on", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."ref", old_values."title" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;',
                    hash="a19c3034c1de18c1201126b7f6eb2b37dff967be",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_e4c30",
                    referencing="REFERENCING OLD TABLE AS old_values ",
                    table="compliance_milestone",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="dependency",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("milestone__isnull", True), ("on__isnull", False)),
                    models.Q(("milestone__isnull", False), ("on__isnull", True)),
                    _connector="OR",
                ),
                name="dependency_on_one_thing",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="milestoneevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="2ded3f32615201c46baeae6d1d48e8272396c4e4",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_75ea2",
                    table="compliance_milestoneevent",
                    when="BEFORE",
                ),
            ),
        ),
    ]
