"""Acceptance plans and decisions, append-only."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import lots.fields
from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0009_conserved"),
        ("quality", "0010_traceability"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AcceptancePlan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sample_size", models.PositiveSmallIntegerField()),
                ("seed", models.BigIntegerField(help_text="Of the random choice of the sample.")),
                ("sample", models.JSONField(help_text="Codes of the cells chosen.")),
                ("rules", models.JSONField(help_text="See quality.acceptance.Rules.")),
                ("frozen_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "frozen_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acceptance_plans",
                        to="lots.lot",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acceptance_plans",
                        to="lots.site",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AcceptanceDecision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("accepted", models.BooleanField()),
                ("content", models.JSONField(help_text="Results, counts and reasons, as signed.")),
                ("decided_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "signature",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acceptance_decision",
                        to="quality.signature",
                    ),
                ),
                (
                    "plan",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decision",
                        to="quality.acceptanceplan",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="acceptanceplan",
            constraint=models.UniqueConstraint(fields=("lot",), name="acceptance_plan_once"),
        ),
        migrations.AddConstraint(
            model_name="acceptanceplan",
            constraint=models.CheckConstraint(
                condition=models.Q(("sample_size__gte", 1)), name="acceptance_sample_size"
            ),
        ),
        run_sql_file(__file__, "acceptance"),
    ]
