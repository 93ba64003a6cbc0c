"""What reactions leave in force: tightened sampling and stops of a stream; firings say what came of them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0010_air"),
        ("quality", "0016_case_evidence"),
        ("spc", "0005_reactions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="controlplanline",
            name="good_to_relax",
            field=models.PositiveSmallIntegerField(
                default=5, help_text="So many subgroups in a row without a signal end the tightening."
            ),
        ),
        migrations.AddField(
            model_name="controlplanline",
            name="tighten_factor",
            field=models.PositiveSmallIntegerField(
                default=2, help_text="Tightened, so many times the required values are asked of a lot."
            ),
        ),
        migrations.AddField(
            model_name="reactionfiring",
            name="did",
            field=models.CharField(blank=True, help_text="What came of it, in words.", max_length=200),
        ),
        migrations.AlterField(
            model_name="controlplanline",
            name="reaction",
            field=models.CharField(
                choices=[
                    ("alert", "Alert"),
                    ("hold", "Hold"),
                    ("contain", "Contain"),
                    ("tighten", "Tighten sampling"),
                    ("stop", "Stop the stream"),
                ],
                default="alert",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="reactionfiring",
            name="reaction",
            field=models.CharField(
                choices=[
                    ("alert", "Alert"),
                    ("hold", "Hold"),
                    ("contain", "Contain"),
                    ("tighten", "Tighten sampling"),
                    ("stop", "Stop the stream"),
                ],
                max_length=12,
            ),
        ),
        migrations.CreateModel(
            name="StreamStop",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.CharField(max_length=500)),
                ("stopped_at", models.DateTimeField(help_text="Site clock.")),
                ("lifted_at", models.DateTimeField(blank=True, help_text="Site clock.", null=True)),
                ("lift_reason", models.CharField(blank=True, max_length=300)),
                (
                    "characteristic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.characteristic",
                    ),
                ),
                (
                    "chart",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="spc.chart"
                    ),
                ),
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
                    "firing",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)s",
                        to="quality.reactionfiring",
                    ),
                ),
                (
                    "lift_signature",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stream_stop",
                        to="quality.signature",
                    ),
                ),
                (
                    "lifted_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="lots.site"
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="lots.processstep"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_at__isnull", True)),
                        fields=("chart",),
                        name="stream_stop_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("lifted_at__isnull", True),
                            models.Q(("lift_signature__isnull", False), ("lifted_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="stream_stop_lifted_signed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Tightening",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "factor",
                    models.PositiveSmallIntegerField(
                        help_text="How many times the planned samples are asked for."
                    ),
                ),
                (
                    "good_needed",
                    models.PositiveSmallIntegerField(
                        help_text="Subgroups in a row without a signal that end it."
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("end_reason", models.CharField(blank=True, max_length=300)),
                (
                    "characteristic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.characteristic",
                    ),
                ),
                (
                    "chart",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="spc.chart"
                    ),
                ),
                (
                    "end_signature",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tightening",
                        to="quality.signature",
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
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
                    "firing",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)s",
                        to="quality.reactionfiring",
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
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="lots.site"
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="lots.processstep"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("chart",),
                        name="tightening_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ended_by__isnull", True), ("end_signature__isnull", False), _connector="OR"
                        ),
                        name="tightening_ended_by_signature",
                    ),
                ],
            },
        ),
        run_sql_file(__file__, "reactions"),
    ]
