import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import lots.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("lots", "0002_guards_and_audit"),
        ("spc", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Nonconformance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=32)),
                ("title", models.CharField(max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("closed", "Closed")], default="open", max_length=8
                    ),
                ),
                ("opened_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "hold",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="nonconformances",
                        to="lots.hold",
                    ),
                ),
                (
                    "lot",
                    lots.fields.LotRef(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="nonconformances",
                        to="lots.lot",
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="nonconformances",
                        to="lots.site",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("site", "code"), name="nonconformance_code_per_site")
                ],
            },
        ),
        migrations.CreateModel(
            name="ReactionFiring",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "reaction",
                    models.CharField(
                        choices=[("alert", "Alert"), ("hold", "Hold"), ("contain", "Contain")], max_length=12
                    ),
                ),
                (
                    "line_id",
                    models.BigIntegerField(
                        blank=True, help_text="Control-plan line that said so.", null=True
                    ),
                ),
                ("lots_in_window", models.PositiveIntegerField(default=0)),
                ("window_from_sequence", models.BigIntegerField(blank=True, null=True)),
                ("fired_at", models.DateTimeField()),
                (
                    "hold",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="firings",
                        to="lots.hold",
                    ),
                ),
                (
                    "signal",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="firing", to="spc.signal"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Requirement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=16, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("performance", "Performance"),
                            ("safety", "Safety"),
                            ("reliability", "Reliability"),
                            ("manufacturing", "Manufacturing"),
                        ],
                        max_length=16,
                    ),
                ),
                ("title", models.CharField(max_length=160)),
            ],
        ),
        migrations.CreateModel(
            name="RequirementRevision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                ("statement", models.TextField(help_text="Testable: what must hold.")),
                ("acceptance", models.CharField(help_text="The measurable criterion.", max_length=300)),
                ("rationale", models.TextField(blank=True)),
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
                ("issued_at", models.DateTimeField()),
                (
                    "issued_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "requirement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revisions",
                        to="quality.requirement",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("requirement", "number"), name="requirement_revision_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("acceptance", ""), _negated=True),
                        name="requirement_acceptance_given",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Signature",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("printed_name", models.CharField(max_length=200)),
                ("meaning", models.CharField(max_length=100)),
                ("record_kind", models.CharField(max_length=64)),
                ("record_id", models.CharField(max_length=64)),
                ("record_hash", models.BinaryField(max_length=32)),
                ("signed_at", models.DateTimeField(help_text="Real time.")),
                (
                    "signer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signatures",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["record_kind", "record_id"], name="signature_by_record")],
            },
        ),
        migrations.CreateModel(
            name="Disposition",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "decision",
                    models.CharField(
                        choices=[
                            ("release", "Release"),
                            ("rework", "Rework"),
                            ("regrade", "Regrade"),
                            ("scrap", "Scrap"),
                            ("concession", "Concession"),
                        ],
                        max_length=12,
                    ),
                ),
                ("reason", models.CharField(max_length=500)),
                ("cause", models.CharField(blank=True, max_length=300)),
                (
                    "concession_quantity",
                    models.DecimalField(blank=True, decimal_places=3, max_digits=14, null=True),
                ),
                ("concession_expires_at", models.DateTimeField(blank=True, null=True)),
                ("decided_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "decided_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dispositions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "rework_from",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.routestep",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dispositions",
                        to="lots.site",
                    ),
                ),
                (
                    "signature",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disposition",
                        to="quality.signature",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="disposition_reason_given"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decision", "concession"), _negated=True),
                            models.Q(
                                ("concession_expires_at__isnull", False), ("concession_quantity__gt", 0)
                            ),
                            _connector="OR",
                        ),
                        name="disposition_concession_bounded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decision", "rework"), _negated=True),
                            ("rework_from__isnull", False),
                            _connector="OR",
                        ),
                        name="disposition_rework_has_step",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DispositionItem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "disposition",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="quality.disposition",
                    ),
                ),
                (
                    "hold_lot",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disposition_item",
                        to="lots.holdlot",
                    ),
                ),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disposition_items",
                        to="lots.lot",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Specification",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "characteristic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="specifications",
                        to="lots.characteristic",
                    ),
                ),
                (
                    "material",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="specifications",
                        to="lots.materialdefinition",
                    ),
                ),
                (
                    "product_revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="specifications",
                        to="lots.productrevision",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("characteristic", "product_revision", "material"),
                        name="specification_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SpecificationLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("revision", models.PositiveSmallIntegerField()),
                ("lsl", models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True)),
                ("usl", models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True)),
                ("target", models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True)),
                (
                    "severity",
                    models.CharField(
                        choices=[("must", "Must"), ("should", "Should")], default="must", max_length=8
                    ),
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
                ("effective_at", models.DateTimeField()),
                ("change_reason", models.CharField(max_length=300)),
                (
                    "requirement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="specification_lines",
                        to="quality.requirement",
                    ),
                ),
                (
                    "specification",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="quality.specification",
                    ),
                ),
            ],
            options={
                "ordering": ("specification", "-revision"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("specification", "revision"), name="specification_line_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("lsl__isnull", False), ("usl__isnull", False), _connector="OR"),
                        name="specification_line_has_limit",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("lsl__isnull", True),
                            ("usl__isnull", True),
                            ("lsl__lt", models.F("usl")),
                            _connector="OR",
                        ),
                        name="specification_line_ordered",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Judgement",
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
                ("lsl", models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True)),
                ("usl", models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True)),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("conforms", "Conforms"),
                            ("violates", "Violates"),
                            ("undetermined", "Undetermined"),
                        ],
                        max_length=12,
                    ),
                ),
                ("judged_at", models.DateTimeField()),
                (
                    "line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="judgements",
                        to="quality.specificationline",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["lot_id", "verdict"], name="judgement_by_lot")],
                "constraints": [
                    models.UniqueConstraint(fields=("measurement_id", "line"), name="judgement_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Defect",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("found_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "characteristic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="defects",
                        to="lots.characteristic",
                    ),
                ),
                (
                    "hold",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="defects",
                        to="lots.hold",
                    ),
                ),
                (
                    "lot",
                    lots.fields.LotRef(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="defects",
                        to="lots.lot",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="defects", to="lots.site"
                    ),
                ),
                (
                    "judgement",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="defect",
                        to="quality.judgement",
                    ),
                ),
                (
                    "requirement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="defects",
                        to="quality.requirement",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["site", "-id"], name="defect_newest")],
            },
        ),
        migrations.CreateModel(
            name="ControlPlan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=32)),
                (
                    "product_revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="control_plans",
                        to="lots.productrevision",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="control_plans",
                        to="lots.site",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("site", "code"), name="control_plan_code_per_site")
                ],
            },
        ),
        migrations.CreateModel(
            name="ControlPlanRevision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                ("published_at", models.DateTimeField(blank=True, null=True)),
                ("change_reason", models.CharField(max_length=300)),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revisions",
                        to="quality.controlplan",
                    ),
                ),
                (
                    "published_by",
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
                    models.UniqueConstraint(fields=("plan", "number"), name="control_plan_revision_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="WorkOrderPlan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="work_orders",
                        to="quality.controlplanrevision",
                    ),
                ),
                (
                    "work_order",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="control_plan",
                        to="lots.workorder",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ControlPlanLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "special",
                    models.CharField(
                        blank=True, help_text="Special characteristic symbol (AIAG).", max_length=8
                    ),
                ),
                ("gauge_kind", models.CharField(blank=True, max_length=32)),
                ("required_count", models.PositiveSmallIntegerField(default=1)),
                ("frequency", models.CharField(max_length=80)),
                (
                    "chart_family",
                    models.CharField(
                        blank=True,
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
                        blank=True,
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
                ("subgroup_size", models.PositiveSmallIntegerField(default=1)),
                ("subgroup_timeout_s", models.PositiveIntegerField(default=86400)),
                ("rules", models.CharField(blank=True, max_length=200)),
                ("phase1_subgroups", models.PositiveSmallIntegerField(default=25)),
                (
                    "stratify",
                    models.CharField(
                        blank=True, help_text="equipment position product recipe gauge", max_length=80
                    ),
                ),
                (
                    "reaction",
                    models.CharField(
                        choices=[("alert", "Alert"), ("hold", "Hold"), ("contain", "Contain")],
                        default="alert",
                        max_length=12,
                    ),
                ),
                ("owner_role", models.CharField(default="quality_engineer", max_length=20)),
                (
                    "characteristic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="control_plan_lines",
                        to="lots.characteristic",
                    ),
                ),
                (
                    "chart_plan",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="control_plan_lines",
                        to="spc.chartplan",
                    ),
                ),
                (
                    "material",
                    models.ForeignKey(
                        blank=True,
                        help_text="Only lots of this material; empty: every lot that runs the step.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.materialdefinition",
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="lots.processstep"
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="quality.controlplanrevision",
                    ),
                ),
                (
                    "specification",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="quality.specification",
                    ),
                ),
            ],
            options={
                "ordering": ("step__sequence", "id"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("revision", "material", "characteristic"),
                        name="control_plan_line_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("chart_family", ""),
                            models.Q(
                                models.Q(("subgroup_by", ""), _negated=True),
                                models.Q(("rules", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="control_plan_line_chart_whole",
                    ),
                ],
            },
        ),
    ]
