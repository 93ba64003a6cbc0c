"""Releases: signed statements, append-only."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import lots.fields
from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0008_calibration_error"),
        ("quality", "0007_containment"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Release",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField(help_text="Of the certificate, counted per site.")),
                ("content", models.JSONField()),
                (
                    "last_hold_member",
                    models.BigIntegerField(
                        default=0,
                        help_text="Key of the newest hold of the lot when it was signed; a newer one ends the release.",
                    ),
                ),
                ("released_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT, related_name="releases", to="lots.lot"
                    ),
                ),
                (
                    "released_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "signature",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="release",
                        to="quality.signature",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="releases", to="lots.site"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["lot", "-id"], name="release_by_lot")],
                "constraints": [
                    models.UniqueConstraint(fields=("site", "number"), name="release_number_per_site")
                ],
            },
        ),
        run_sql_file(__file__, "release"),
    ]
