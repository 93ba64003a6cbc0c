"""The safety chain: hazards, failure modes, methods, observables, criteria and results."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import lots.fields
from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0010_air"),
        ("quality", "0026_more_chart_families"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Hazard",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=24)),
                ("version", models.PositiveSmallIntegerField(default=1)),
                ("title", models.CharField(max_length=200)),
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
                ("source", models.CharField(max_length=300)),
                ("change_reason", models.CharField(max_length=300)),
                ("entered_at", models.DateTimeField()),
                (
                    "entered_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="lots.product"
                    ),
                ),
                (
                    "requirement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="hazards",
                        to="quality.requirement",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("product", "code", "version"), name="hazard_version_once")
                ],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="FailureMode",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=24)),
                ("version", models.PositiveSmallIntegerField(default=1)),
                ("title", models.CharField(max_length=200)),
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
                ("source", models.CharField(max_length=300)),
                ("change_reason", models.CharField(max_length=300)),
                ("entered_at", models.DateTimeField()),
                (
                    "entered_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="lots.product"
                    ),
                ),
                (
                    "hazard",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="quality.hazard"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("product", "code", "version"), name="failuremode_version_once"
                    )
                ],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="SafetyMethod",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=24)),
                ("version", models.PositiveSmallIntegerField(default=1)),
                ("title", models.CharField(max_length=200)),
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
                ("source", models.CharField(max_length=300)),
                ("change_reason", models.CharField(max_length=300)),
                ("entered_at", models.DateTimeField()),
                (
                    "protocol",
                    models.CharField(help_text="Identifier and revision of the protocol.", max_length=120),
                ),
                ("stop_temperature_c", models.DecimalField(decimal_places=2, max_digits=7)),
                ("stop_force_n", models.DecimalField(decimal_places=2, max_digits=10)),
                ("stop_time_s", models.DecimalField(decimal_places=2, max_digits=10)),
                ("stop_leakage", models.CharField(max_length=200)),
                (
                    "entered_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="lots.product"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("product", "code", "version"), name="safetymethod_version_once"
                    )
                ],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Observable",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=24)),
                ("version", models.PositiveSmallIntegerField(default=1)),
                ("title", models.CharField(max_length=200)),
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
                ("source", models.CharField(max_length=300)),
                ("change_reason", models.CharField(max_length=300)),
                ("entered_at", models.DateTimeField()),
                ("unit", models.CharField(max_length=16)),
                ("instrument", models.CharField(max_length=120)),
                (
                    "resolution",
                    models.DecimalField(decimal_places=6, help_text="In the unit.", max_digits=14),
                ),
                ("sampling_hz", models.DecimalField(decimal_places=4, max_digits=12)),
                (
                    "entered_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="lots.product"
                    ),
                ),
                (
                    "method",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="quality.safetymethod",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("product", "code", "version"), name="observable_version_once"
                    )
                ],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ObservableMode",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "failure_mode",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="quality.failuremode",
                    ),
                ),
                (
                    "observable",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="modes",
                        to="quality.observable",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("observable", "failure_mode"), name="observable_mode_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SafetyCriterion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=24)),
                ("version", models.PositiveSmallIntegerField(default=1)),
                ("title", models.CharField(max_length=200)),
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
                ("source", models.CharField(max_length=300)),
                ("change_reason", models.CharField(max_length=300)),
                ("entered_at", models.DateTimeField()),
                ("operator", models.CharField(choices=[("<=", "at most"), (">=", "at least")], max_length=2)),
                ("limit", models.DecimalField(decimal_places=6, max_digits=14)),
                ("unit", models.CharField(max_length=16)),
                ("tolerance", models.DecimalField(decimal_places=6, help_text="In the unit.", max_digits=14)),
                ("shortest_s", models.DecimalField(decimal_places=4, max_digits=12)),
                (
                    "entered_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "observable",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="quality.observable"
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="lots.product"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("product", "code", "version"), name="safetycriterion_version_once"
                    )
                ],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="SafetyResult",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "value",
                    models.DecimalField(
                        decimal_places=6, help_text="In the criterion's unit.", max_digits=14
                    ),
                ),
                ("passed", models.BooleanField()),
                ("stopped_early", models.BooleanField(default=False)),
                ("stop_reason", models.CharField(blank=True, max_length=300)),
                (
                    "raw_sha256",
                    models.CharField(
                        blank=True, help_text="Of the raw data; empty: none kept.", max_length=64
                    ),
                ),
                ("raw_name", models.CharField(blank=True, max_length=120)),
                ("recorded_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "criterion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="results",
                        to="quality.safetycriterion",
                    ),
                ),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="safety_results",
                        to="lots.lot",
                    ),
                ),
                (
                    "recorded_by",
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
                        related_name="safety_results",
                        to="lots.site",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("stopped_early", False),
                            models.Q(("stop_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="safety_early_stop_explained",
                    )
                ],
                "indexes": [models.Index(fields=["criterion", "-id"], name="safety_result_newest")],
            },
        ),
        run_sql_file(__file__, "safety"),
    ]
