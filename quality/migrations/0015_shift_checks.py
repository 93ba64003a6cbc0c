"""Shift checklists of dry rooms and the rules that ask for them, append-only."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0010_air"),
        ("quality", "0014_specification_drafts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ShiftCheck",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "shift",
                    models.CharField(help_text="Name of the shift in which it was answered.", max_length=32),
                ),
                ("calibration", models.BooleanField()),
                ("pressure", models.BooleanField()),
                ("staging", models.BooleanField()),
                ("sealed_containers", models.BooleanField()),
                ("open_time_logging", models.BooleanField()),
                ("gloves", models.BooleanField()),
                ("desiccant_and_seals", models.BooleanField()),
                ("remarks", models.CharField(blank=True, max_length=300)),
                ("checked_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "checked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "zone",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="shift_checks",
                        to="lots.zone",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["zone", "-checked_at"], name="shift_check_latest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("calibration", True),
                                ("desiccant_and_seals", True),
                                ("gloves", True),
                                ("open_time_logging", True),
                                ("pressure", True),
                                ("sealed_containers", True),
                                ("staging", True),
                            ),
                            models.Q(("remarks", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="shift_check_failure_explained",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ZoneRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "steps",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32),
                        default=list,
                        help_text="Codes of process steps; none: it asks nothing.",
                        size=None,
                    ),
                ),
                (
                    "window",
                    models.CharField(
                        choices=[("shift", "once a shift"), ("hours", "for a number of hours")],
                        default="shift",
                        max_length=8,
                    ),
                ),
                ("hours", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("reason", models.CharField(max_length=300)),
                ("set_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "set_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "zone",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rules", to="lots.zone"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("hours__isnull", True), ("window", "shift")),
                            models.Q(("hours__range", (1, 168)), ("window", "hours")),
                            _connector="OR",
                        ),
                        name="zone_rule_hours",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="zone_rule_explained"
                    ),
                ],
            },
        ),
        run_sql_file(__file__, "shift_checks"),
    ]
