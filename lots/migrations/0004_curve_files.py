"""Files of instruments and where their curves lie; append-only like all evidence."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import lots.fields
from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0003_masters"),
    ]

    operations = [
        migrations.CreateModel(
            name="CurveFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=lots.fields.new_uuid7, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("cycling", "Cycling"), ("impedance", "Impedance")], max_length=12
                    ),
                ),
                (
                    "format",
                    models.CharField(
                        help_text="Instrument and export, as recognised by content.", max_length=40
                    ),
                ),
                ("file_sha256", models.CharField(help_text="Of the file as it was brought.", max_length=64)),
                ("file_bytes", models.BigIntegerField()),
                (
                    "protocol",
                    models.CharField(
                        blank=True, help_text="Recipe revision under which the test ran.", max_length=80
                    ),
                ),
                (
                    "storage_sha256",
                    models.CharField(
                        help_text="Of the stored Parquet file, which it also names.", max_length=64
                    ),
                ),
                ("rows", models.PositiveIntegerField()),
                ("started_at", models.DateTimeField(help_text="First record, on the site clock.")),
                ("ended_at", models.DateTimeField(help_text="Last record, on the site clock.")),
                ("received_at", models.DateTimeField(help_text="Real time.")),
                (
                    "execution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="curve_files",
                        to="lots.stepexecution",
                    ),
                ),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT, related_name="curve_files", to="lots.lot"
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
                    "submission",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="curve_files",
                        to="lots.submission",
                    ),
                ),
                (
                    "supersedes",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="superseded_by",
                        to="lots.curvefile",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("lot", "file_sha256"), name="curve_file_once")
                ],
            },
        ),
        run_sql_file(__file__, "curves"),
    ]
