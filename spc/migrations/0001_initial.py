import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import lots.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("lots", "0002_guards_and_audit"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ChartPlan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "family",
                    models.CharField(
                        choices=[
                            ("imr", "Individuals and moving range"),
                            ("xbar-r", "Mean and range"),
                            ("xbar-s", "Mean and standard deviation"),
                            ("p", "Proportion nonconforming"),
                            ("np", "Number nonconforming"),
                            ("c", "Count of nonconformities"),
                            ("u", "Nonconformities per unit"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "subgroup_by",
                    models.CharField(
                        choices=[
                            ("reading", "Every reading is a subgroup of one"),
                            ("consecutive", "So many consecutive readings"),
                            ("profile", "Readings at one place on the roll"),
                            ("execution", "Readings of one step execution"),
                            ("group", "Readings of one group of cells (tray or cell lot)"),
                        ],
                        max_length=16,
                    ),
                ),
                ("subgroup_size", models.PositiveSmallIntegerField()),
                (
                    "subgroup_timeout_s",
                    models.PositiveIntegerField(
                        help_text="Site-clock seconds after which a subgroup closes."
                    ),
                ),
                ("rules", models.CharField(max_length=200)),
                ("phase1_subgroups", models.PositiveSmallIntegerField()),
                ("stratify_equipment", models.BooleanField(default=True)),
                ("stratify_position", models.BooleanField(default=False)),
                ("stratify_product", models.BooleanField(default=True)),
                ("stratify_recipe", models.BooleanField(default=True)),
                ("stratify_gauge", models.BooleanField(default=False)),
                ("first_attempt_only", models.BooleanField(default=True)),
                (
                    "characteristic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="chart_plans",
                        to="lots.characteristic",
                    ),
                ),
                (
                    "material",
                    models.ForeignKey(
                        blank=True,
                        help_text="Only lots of this material; empty: all.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.materialdefinition",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="chart_plans",
                        to="lots.site",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("subgroup_size__gte", 1)), name="chart_plan_size"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Stream",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.DecimalField(blank=True, decimal_places=4, max_digits=14, null=True)),
                (
                    "equipment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.equipment",
                    ),
                ),
                (
                    "gauge",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.gauge",
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="streams",
                        to="spc.chartplan",
                    ),
                ),
                (
                    "product_revision",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.productrevision",
                    ),
                ),
                (
                    "recipe_revision",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.reciperevision",
                    ),
                ),
                (
                    "zone",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.zone",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "plan",
                            "equipment",
                            "zone",
                            "gauge",
                            "position",
                            "product_revision",
                            "recipe_revision",
                        ),
                        name="stream_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Chart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("generation", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "stream",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="chart", to="spc.stream"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LimitRevision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("provisional", "Provisional"), ("frozen", "Frozen")], max_length=12
                    ),
                ),
                ("center", models.FloatField()),
                ("sigma", models.FloatField(blank=True, null=True)),
                ("subgroup_size", models.FloatField()),
                ("baseline", models.JSONField()),
                ("from_sequence", models.BigIntegerField(help_text="First point judged by these limits.")),
                ("reason", models.CharField(max_length=300)),
                ("made_at", models.DateTimeField()),
                ("signature_id", models.BigIntegerField(blank=True, null=True)),
                ("basis_changed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "chart",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="limit_revisions",
                        to="spc.chart",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("chart", "number"), name="limit_revision_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind", "provisional"),
                            models.Q(("made_by__isnull", False), ("signature_id__isnull", False)),
                            _connector="OR",
                        ),
                        name="limit_revision_frozen_signed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ChartState",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("state", models.JSONField(null=True)),
                ("next_sequence", models.BigIntegerField(default=0)),
                (
                    "watermark_at",
                    models.DateTimeField(blank=True, help_text="measured_at of the last point.", null=True),
                ),
                (
                    "chart",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="state", to="spc.chart"
                    ),
                ),
                (
                    "limit_revision",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="spc.limitrevision",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ChartCheckpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("generation", models.PositiveIntegerField()),
                ("sequence", models.BigIntegerField()),
                ("state", models.JSONField()),
                (
                    "chart",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="checkpoints",
                        to="spc.chart",
                    ),
                ),
                (
                    "limit_revision",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="spc.limitrevision",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("chart", "generation", "sequence"), name="checkpoint_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="OutboxEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("error", models.CharField(blank=True, max_length=500)),
                ("processed_at", models.DateTimeField(blank=True, null=True)),
                ("quarantined_at", models.DateTimeField(blank=True, null=True)),
                (
                    "chart",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="outbox", to="spc.chart"
                    ),
                ),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="outbox",
                        to="lots.submission",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "outbox entries",
                "indexes": [
                    models.Index(
                        condition=models.Q(("processed_at__isnull", True), ("quarantined_at__isnull", True)),
                        fields=["chart", "id"],
                        name="outbox_pending",
                    ),
                    models.Index(
                        condition=models.Q(("processed_at__isnull", True)),
                        fields=["submission"],
                        name="outbox_unfinished",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("submission", "chart"), name="outbox_entry_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Subgroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="What the readings share (execution, profile, group).", max_length=64
                    ),
                ),
                ("opened_at", models.DateTimeField(help_text="measured_at of the first reading.")),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "closed_by",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("complete", "Complete"),
                            ("timeout", "Timed out"),
                            ("step_closed", "Step closed"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "chart",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="subgroups", to="spc.chart"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=["chart", "key"],
                        name="subgroup_open",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Point",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("generation", models.PositiveIntegerField()),
                ("sequence", models.BigIntegerField()),
                (
                    "measured_at",
                    models.DateTimeField(help_text="Of the subgroup's last reading, site clock."),
                ),
                ("size", models.PositiveIntegerField()),
                ("statistic", models.FloatField(null=True)),
                ("center", models.FloatField(null=True)),
                ("lcl", models.FloatField(null=True)),
                ("ucl", models.FloatField(null=True)),
                ("z", models.FloatField(null=True)),
                ("dispersion", models.FloatField(null=True)),
                ("dispersion_center", models.FloatField(null=True)),
                ("dispersion_lcl", models.FloatField(null=True)),
                ("dispersion_ucl", models.FloatField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "chart",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="points", to="spc.chart"
                    ),
                ),
                (
                    "limit_revision",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="points",
                        to="spc.limitrevision",
                    ),
                ),
                (
                    "subgroup",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="points", to="spc.subgroup"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("chart", "generation", "sequence"), name="point_sequence_once"
                    ),
                    models.UniqueConstraint(fields=("subgroup", "generation"), name="point_subgroup_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="BasisPoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("excluded", models.BooleanField(default=False)),
                ("reason", models.CharField(blank=True, max_length=300)),
                (
                    "limit_revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="basis",
                        to="spc.limitrevision",
                    ),
                ),
                (
                    "point",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="spc.point"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("limit_revision", "point"), name="basis_point_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("excluded", False), models.Q(("reason", ""), _negated=True), _connector="OR"
                        ),
                        name="basis_exclusion_explained",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Signal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("rule", models.CharField(max_length=32)),
                (
                    "panel",
                    models.CharField(
                        choices=[("location", "Location"), ("dispersion", "Dispersion")], max_length=12
                    ),
                ),
                (
                    "provisional",
                    models.BooleanField(help_text="The stream was still learning: alerts, never holds."),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "reaction",
                    models.CharField(
                        blank=True,
                        choices=[("alert", "Alert"), ("hold", "Hold"), ("contain", "Contain")],
                        max_length=12,
                    ),
                ),
                ("judged_at", models.DateTimeField(blank=True, null=True)),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("cause", models.CharField(blank=True, max_length=300)),
                (
                    "acknowledged_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "chart",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="signals", to="spc.chart"
                    ),
                ),
                (
                    "point",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="signals", to="spc.point"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("acknowledged_at__isnull", True)),
                        fields=["chart", "-id"],
                        name="signal_open",
                    ),
                    models.Index(
                        condition=models.Q(("judged_at__isnull", True)),
                        fields=["chart"],
                        name="signal_unjudged",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("point", "rule", "panel"), name="signal_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="SignalMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "point",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="spc.point"
                    ),
                ),
                (
                    "signal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="members", to="spc.signal"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("signal", "point"), name="signal_member_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="SubgroupMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("measurement_received_at", models.DateTimeField()),
                ("measurement_id", models.BigIntegerField()),
                ("lot_id", lots.fields.LotRefId(blank=True, null=True)),
                (
                    "value",
                    models.FloatField(
                        help_text="Copied, in the characteristic's unit: the subgroup as it was judged."
                    ),
                ),
                ("sample_size", models.PositiveIntegerField(blank=True, null=True)),
                ("measured_at", models.DateTimeField()),
                ("roll_position_mm", models.BigIntegerField(blank=True, null=True)),
                (
                    "subgroup",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="members", to="spc.subgroup"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["lot_id", "subgroup"], name="subgroup_member_by_lot"),
                    models.Index(fields=["measurement_id"], name="subgroup_member_by_reading"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("subgroup", "measurement_id"), name="subgroup_member_once"
                    )
                ],
            },
        ),
    ]
