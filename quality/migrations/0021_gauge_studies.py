"""Gauge studies: plans, readings and verdicts, append-only."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0010_air"),
        ("quality", "0020_incoming"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="GaugeStudy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "design",
                    models.CharField(
                        choices=[
                            ("crossed", "Gauge R&R, crossed"),
                            ("nested", "Gauge R&R, nested (parts are used up)"),
                            ("bias", "Bias"),
                            ("linearity", "Linearity"),
                            ("stability", "Stability"),
                            ("attribute", "Attribute agreement"),
                        ],
                        max_length=12,
                    ),
                ),
                ("parts", models.JSONField()),
                ("operators", models.JSONField()),
                ("trials", models.PositiveSmallIntegerField()),
                ("references", models.JSONField()),
                ("tolerance", models.DecimalField(blank=True, decimal_places=8, max_digits=18, null=True)),
                ("seed", models.BigIntegerField(help_text="Of the random order.")),
                ("order", models.JSONField()),
                ("planned_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "characteristic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gauge_studies",
                        to="lots.characteristic",
                    ),
                ),
                (
                    "gauge",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="studies", to="lots.gauge"
                    ),
                ),
                (
                    "planned_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gauge_studies",
                        to="lots.site",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "gauge studies",
            },
        ),
        migrations.CreateModel(
            name="GaugeReading",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("run", models.PositiveIntegerField(help_text="Place in the order, from 0.")),
                ("attempt", models.PositiveSmallIntegerField(default=1)),
                (
                    "value",
                    models.CharField(
                        help_text="Decimal text in the characteristic's unit, or a class.", max_length=40
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("read_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "recorded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="readings",
                        to="quality.gaugestudy",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GaugeVerdict",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("acceptable", "Acceptable"),
                            ("marginal", "Marginal"),
                            ("unacceptable", "Not acceptable"),
                        ],
                        max_length=12,
                    ),
                ),
                ("content", models.JSONField(help_text="Order, readings, figures and reasons, as signed.")),
                ("decided_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "signature",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gauge_verdict",
                        to="quality.signature",
                    ),
                ),
                (
                    "study",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="verdict",
                        to="quality.gaugestudy",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="gaugestudy",
            constraint=models.CheckConstraint(
                condition=models.Q(("tolerance__isnull", True), ("tolerance__gt", 0), _connector="OR"),
                name="gauge_study_tolerance",
            ),
        ),
        migrations.AddConstraint(
            model_name="gaugereading",
            constraint=models.UniqueConstraint(fields=("study", "run", "attempt"), name="gauge_reading_once"),
        ),
        migrations.AddConstraint(
            model_name="gaugereading",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("attempt", 1),
                    models.Q(("attempt__gt", 1), models.Q(("reason", ""), _negated=True)),
                    _connector="OR",
                ),
                name="gauge_reading_superseded_with_reason",
            ),
        ),
        run_sql_file(__file__, "gauge_studies"),
    ]
