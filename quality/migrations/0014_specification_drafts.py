"""Drafts of specifications, their approval by another person, and whose limits a running order keeps."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("quality", "0013_case_sources"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="controlplanline",
            name="limits_from",
            field=models.CharField(
                choices=[
                    ("current", "The revision in force"),
                    ("order", "The revision in force when the order was opened"),
                ],
                default="current",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="specificationline",
            name="approval",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="specification_line",
                to="quality.signature",
            ),
        ),
        migrations.AddField(
            model_name="specificationline",
            name="effectivity",
            field=models.CharField(
                choices=[
                    ("now", "At once"),
                    ("next_lot", "From the next lot on"),
                    ("date", "From a date on"),
                ],
                default="now",
                max_length=8,
            ),
        ),
        migrations.CreateModel(
            name="SpecificationDraft",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("based_on", models.PositiveSmallIntegerField()),
                ("lsl", models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True)),
                ("usl", models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True)),
                ("target", models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True)),
                ("entered_unit", models.CharField(max_length=16)),
                (
                    "severity",
                    models.CharField(choices=[("must", "Must"), ("should", "Should")], max_length=8),
                ),
                (
                    "source_type",
                    models.CharField(
                        choices=[
                            ("handbook", "Handbook"),
                            ("literature", "Literature"),
                            ("real_data", "Real data"),
                            ("computed", "Computed"),
                            ("assumption", "Assumption"),
                        ],
                        max_length=12,
                    ),
                ),
                ("source", models.CharField(max_length=400)),
                (
                    "effectivity",
                    models.CharField(
                        choices=[
                            ("now", "At once"),
                            ("next_lot", "From the next lot on"),
                            ("date", "From a date on"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "effective_at",
                    models.DateTimeField(blank=True, help_text="Site clock; of a date only.", null=True),
                ),
                ("change_reason", models.CharField(max_length=300)),
                ("drafted_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "drafted_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "requirement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="quality.requirement",
                    ),
                ),
                (
                    "specification",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="drafts",
                        to="quality.specification",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="specificationline",
            name="draft",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="line",
                to="quality.specificationdraft",
            ),
        ),
        migrations.AddConstraint(
            model_name="specificationline",
            constraint=models.CheckConstraint(
                condition=models.Q(("draft__isnull", True), ("approval__isnull", False), _connector="OR"),
                name="specification_line_approved",
            ),
        ),
        migrations.AddConstraint(
            model_name="specificationdraft",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("effective_at__isnull", False), ("effectivity", "date")),
                    models.Q(
                        models.Q(("effectivity", "date"), _negated=True), ("effective_at__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="specification_draft_dated",
            ),
        ),
        run_sql_file(__file__, "specification_drafts"),
    ]
