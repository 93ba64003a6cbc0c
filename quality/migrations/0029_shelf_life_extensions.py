"""A re-test extends the shelf life of a lot: who asked, its values, and another person's signature."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import lots.fields
from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0016_evidence_hold"),
        ("quality", "0028_lot_sampling"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ShelfLifeExtension",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "former_ends_at",
                    models.DateTimeField(help_text="When its life ended or would have ended. Site clock."),
                ),
                (
                    "ends_at",
                    models.DateTimeField(help_text="Until when it is good if this is approved. Site clock."),
                ),
                ("reason", models.CharField(max_length=300)),
                ("requested_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT, related_name="extensions", to="lots.lot"
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
            ],
        ),
        migrations.CreateModel(
            name="RetestValue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("unit", models.CharField(max_length=16)),
                ("entered_text", models.CharField(max_length=40)),
                ("value", models.DecimalField(decimal_places=10, max_digits=26)),
                ("lower", models.DecimalField(blank=True, decimal_places=10, max_digits=26, null=True)),
                ("upper", models.DecimalField(blank=True, decimal_places=10, max_digits=26, null=True)),
                (
                    "extension",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="values",
                        to="quality.shelflifeextension",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ExtensionApproval",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("approved_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "signature",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="shelf_life_approval",
                        to="quality.signature",
                    ),
                ),
                (
                    "extension",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approval",
                        to="quality.shelflifeextension",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="shelflifeextension",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("former_ends_at"))), name="extension_extends"
            ),
        ),
        migrations.AddConstraint(
            model_name="shelflifeextension",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="extension_explained"
            ),
        ),
        migrations.AddConstraint(
            model_name="retestvalue",
            constraint=models.UniqueConstraint(fields=("extension", "name"), name="retest_value_once"),
        ),
        migrations.AddConstraint(
            model_name="retestvalue",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("lower__isnull", True), ("value__gte", models.F("lower")), _connector="OR"),
                    models.Q(("upper__isnull", True), ("value__lte", models.F("upper")), _connector="OR"),
                ),
                name="retest_value_conforms",
            ),
        ),
        run_sql_file(__file__, "shelf_life_extensions"),
    ]
