"""Dates of reduced precision, and shares in positions."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0010_retire_parties'),
    ]

    operations = [
        migrations.AddField(
            model_name='fact',
            name='precision',
            field=models.CharField(blank=True, choices=[('day', 'day'), ('month', 'month'), ('quarter', 'quarter'), ('year', 'year')], max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='fact',
            name='until_precision',
            field=models.CharField(blank=True, choices=[('day', 'day'), ('month', 'month'), ('quarter', 'quarter'), ('year', 'year')], max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='position',
            name='precision',
            field=models.CharField(blank=True, choices=[('day', 'day'), ('month', 'month'), ('quarter', 'quarter'), ('year', 'year')], max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='position',
            name='share',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='If partly met: the share of the whole that is met.', max_digits=7, null=True),
        ),
        migrations.AddConstraint(
            model_name='fact',
            constraint=models.CheckConstraint(condition=models.Q(('precision__in', ['day', 'month', 'quarter', 'year'])), name='fact_precision_known'),
        ),
        migrations.AddConstraint(
            model_name='fact',
            constraint=models.CheckConstraint(condition=models.Q(('until_precision__in', ['day', 'month', 'quarter', 'year'])), name='fact_until_precision_known'),
        ),
        migrations.AddConstraint(
            model_name='position',
            constraint=models.CheckConstraint(condition=models.Q(('precision__in', ['day', 'month', 'quarter', 'year'])), name='position_precision_known'),
        ),
        migrations.AddConstraint(
            model_name='position',
            constraint=models.CheckConstraint(condition=models.Q(('share__isnull', True), models.Q(('share__gt', 0), ('share__lt', 1), ('verdict', 'partly_met')), _connector='OR'), name='position_share_of_the_whole'),
        ),
    ]
