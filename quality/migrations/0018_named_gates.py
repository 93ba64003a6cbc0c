"""Named gates, the control-plan lines that name them, and deviations, append-only."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import lots.fields
from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0010_air"),
        ("quality", "0017_reactions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="controlplanline",
            name="gate",
            field=models.CharField(
                blank=True,
                choices=[
                    ("incoming", "Incoming gate"),
                    ("electrode", "Electrode gate"),
                    ("assembly", "Assembly gate"),
                    ("formation", "Formation gate"),
                    ("post_formation", "Post-formation gate"),
                ],
                help_text="The named gate that demands its values, within limits.",
                max_length=16,
            ),
        ),
        migrations.CreateModel(
            name="Deviation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "gate",
                    models.CharField(
                        choices=[
                            ("incoming", "Incoming gate"),
                            ("electrode", "Electrode gate"),
                            ("assembly", "Assembly gate"),
                            ("formation", "Formation gate"),
                            ("post_formation", "Post-formation gate"),
                        ],
                        max_length=16,
                    ),
                ),
                ("reason", models.CharField(max_length=500)),
                ("expires_at", models.DateTimeField(help_text="Site clock; at that instant it has expired.")),
                ("requested_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "characteristic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.characteristic",
                    ),
                ),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT, related_name="deviations", to="lots.lot"
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="deviations", to="lots.site"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DeviationSignature",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "side",
                    models.CharField(
                        choices=[("quality", "Quality"), ("process", "Process or review")], max_length=8
                    ),
                ),
                (
                    "deviation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signatures",
                        to="quality.deviation",
                    ),
                ),
                (
                    "signature",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deviation_signature",
                        to="quality.signature",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="NamedGate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "code",
                    models.CharField(
                        choices=[
                            ("incoming", "Incoming gate"),
                            ("electrode", "Electrode gate"),
                            ("assembly", "Assembly gate"),
                            ("formation", "Formation gate"),
                            ("post_formation", "Post-formation gate"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "position",
                    models.PositiveSmallIntegerField(help_text="Order of the gates along the line."),
                ),
                (
                    "material_kind",
                    models.CharField(
                        choices=[
                            ("raw", "Raw material"),
                            ("slurry", "Slurry"),
                            ("mother_roll", "Mother roll"),
                            ("daughter_roll", "Daughter roll"),
                            ("electrolyte", "Electrolyte"),
                            ("cell_lot", "Cell lot"),
                            ("cell", "Cell"),
                        ],
                        max_length=16,
                    ),
                ),
                ("statement", models.CharField(max_length=300)),
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
                (
                    "after_step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="lots.processstep"
                    ),
                ),
                (
                    "before_step",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: before it is used, packed or shipped.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.processstep",
                    ),
                ),
            ],
            options={
                "ordering": ("position", "material_kind"),
            },
        ),
        migrations.AddIndex(
            model_name="deviation",
            index=models.Index(fields=["lot"], name="deviation_by_lot"),
        ),
        migrations.AddConstraint(
            model_name="deviation",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="deviation_reason_given"
            ),
        ),
        migrations.AddConstraint(
            model_name="deviation",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_at__gt", models.F("requested_at"))),
                name="deviation_expires_later",
            ),
        ),
        migrations.AddConstraint(
            model_name="deviationsignature",
            constraint=models.UniqueConstraint(
                fields=("deviation", "side"), name="deviation_signed_once_a_side"
            ),
        ),
        migrations.AddConstraint(
            model_name="namedgate",
            constraint=models.UniqueConstraint(fields=("code", "material_kind"), name="named_gate_once"),
        ),
        run_sql_file(__file__, "named_gates"),
    ]
