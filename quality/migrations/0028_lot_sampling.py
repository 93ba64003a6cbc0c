"""Sampling by the standards: its columns on plan lines and acceptance plans, and the history of its switching."""

import django.db.models.deletion
from django.db import migrations, models

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0015_stamped_orders"),
        ("quality", "0027_safety"),
    ]

    operations = [
        migrations.AddField(
            model_name="acceptanceplan",
            name="sampling",
            field=models.JSONField(
                default=list, help_text="Standard plans that decide too; see quality.lot_sampling.Scheme."
            ),
        ),
        migrations.AddField(
            model_name="controlplanline",
            name="aql",
            field=models.CharField(
                blank=True, help_text="Acceptance quality limit as printed, %.", max_length=6
            ),
        ),
        migrations.AddField(
            model_name="controlplanline",
            name="inspection_level",
            field=models.CharField(blank=True, max_length=4),
        ),
        migrations.AddField(
            model_name="controlplanline",
            name="sampling",
            field=models.CharField(
                blank=True,
                choices=[
                    ("attributes", "By attributes (ISO 2859-1)"),
                    ("reducible", "By attributes, may be reduced"),
                    ("variables", "By variables (ISO 3951)"),
                ],
                max_length=12,
            ),
        ),
        migrations.CreateModel(
            name="SamplingEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "accepted",
                    models.BooleanField(
                        help_text="Of the lot by this line; unset for a resumption.", null=True
                    ),
                ),
                ("counted", models.BooleanField(help_text="Whether the switching rules count it.")),
                ("state", models.JSONField(help_text="spc.engine.sampling_standards.Switching after it.")),
                ("severity", models.CharField(help_text="Of the next lot.", max_length=12)),
                ("words", models.CharField(help_text="What it came to.", max_length=300)),
                ("at", models.DateTimeField(help_text="Site clock.")),
                (
                    "characteristic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.characteristic",
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sampling_events",
                        to="quality.acceptancedecision",
                    ),
                ),
                (
                    "material",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.materialdefinition",
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sampling_events",
                        to="quality.controlplan",
                    ),
                ),
                (
                    "signature",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sampling_event",
                        to="quality.signature",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="lots.site"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["plan", "characteristic", "material", "-id"], name="sampling_event_last"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("decision__isnull", False)),
                        fields=("decision", "characteristic", "material"),
                        name="sampling_event_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("accepted__isnull", False),
                                ("decision__isnull", False),
                                ("signature__isnull", True),
                            ),
                            models.Q(
                                ("accepted__isnull", True),
                                ("decision__isnull", True),
                                ("signature__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="sampling_event_whole",
                    ),
                ],
            },
        ),
        run_sql_file(__file__, "lot_sampling"),
    ]
