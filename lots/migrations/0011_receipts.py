"""Deliveries with their papers, openings, and nothing past its shelf life is moved."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import lots.fields
from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0010_air"),
    ]

    operations = [
        migrations.AlterField(
            model_name="hold",
            name="source",
            field=models.CharField(
                choices=[
                    ("defect", "Value out of specification"),
                    ("signal", "Control chart signal"),
                    ("manual", "Placed by hand"),
                    ("poison", "Evaluation failed"),
                    ("calibration", "Gauge out of calibration"),
                    ("incoming", "Incoming inspection"),
                    ("unauthorised", "Moved without permission"),
                    ("inherited", "Placed on an ancestor"),
                ],
                max_length=16,
            ),
        ),
        migrations.CreateModel(
            name="Receipt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("supplier", models.CharField(max_length=64)),
                ("supplier_lot", models.CharField(max_length=64)),
                ("manufactured_date", models.DateField(blank=True, null=True)),
                ("label_matches", models.BooleanField(help_text="The label says what was ordered.")),
                ("packaging_intact", models.BooleanField()),
                (
                    "certificate_matches",
                    models.BooleanField(help_text="The certificate belongs to this supplier lot."),
                ),
                ("remarks", models.CharField(blank=True, max_length=300)),
                ("received_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT, related_name="receipts", to="lots.lot"
                    ),
                ),
                (
                    "received_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CertificateValue",
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
                ("conforms", models.BooleanField()),
                (
                    "receipt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="certificate",
                        to="lots.receipt",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Opening",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("opened_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "use_by",
                    models.DateTimeField(
                        blank=True,
                        help_text="Empty: opening it changes nothing for this material.",
                        null=True,
                    ),
                ),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT, related_name="openings", to="lots.lot"
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("lot",), name="opening_once")],
            },
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.UniqueConstraint(fields=("lot",), name="receipt_once"),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("certificate_matches", True), ("label_matches", True), ("packaging_intact", True)
                    ),
                    models.Q(("remarks", ""), _negated=True),
                    _connector="OR",
                ),
                name="receipt_failure_explained",
            ),
        ),
        migrations.AddConstraint(
            model_name="certificatevalue",
            constraint=models.UniqueConstraint(fields=("receipt", "name"), name="certificate_value_once"),
        ),
        migrations.AddConstraint(
            model_name="certificatevalue",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        models.Q(
                            models.Q(("lower__isnull", False), ("value__lt", models.F("lower"))),
                            models.Q(("upper__isnull", False), ("value__gt", models.F("upper"))),
                            _connector="OR",
                        ),
                        ("conforms", False),
                    ),
                    models.Q(
                        models.Q(("lower__isnull", True), ("value__gte", models.F("lower")), _connector="OR"),
                        models.Q(("upper__isnull", True), ("value__lte", models.F("upper")), _connector="OR"),
                        ("conforms", True),
                    ),
                    _connector="OR",
                ),
                name="certificate_judged",
            ),
        ),
        run_sql_file(__file__, "receipts"),
    ]
