"""Evidence packages: asked for, built by a worker, signed."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import lots.fields
from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0010_air"),
        ("quality", "0022_collector_gates"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="EvidencePackage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=lots.fields.new_uuid7, editable=False, unique=True)),
                ("number", models.PositiveIntegerField(help_text="Counted per site.")),
                ("requested_at", models.DateTimeField(help_text="Site clock.")),
                ("created_at", models.DateTimeField(auto_now_add=True, help_text="Real time.")),
                (
                    "baseline",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="packages",
                        to="quality.baseline",
                    ),
                ),
                (
                    "lot",
                    lots.fields.LotRef(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence_packages",
                        to="lots.lot",
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
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence_packages",
                        to="lots.site",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PackageBuild",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("manifest", models.JSONField()),
                ("findings", models.JSONField(help_text="What keeps it from being signed: [check, words].")),
                (
                    "archive_sha256",
                    models.CharField(help_text="Of the stored zip, which it also names.", max_length=64),
                ),
                ("archive_bytes", models.BigIntegerField()),
                ("built_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "package",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="build",
                        to="quality.evidencepackage",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PackageIssue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("archive_sha256", models.CharField(max_length=64)),
                ("archive_bytes", models.BigIntegerField()),
                ("issued_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "package",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="issue",
                        to="quality.evidencepackage",
                    ),
                ),
                (
                    "signature",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence_package",
                        to="quality.signature",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PackageProgress",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("attempt", models.PositiveSmallIntegerField()),
                ("artifact", models.CharField(blank=True, max_length=60)),
                ("error", models.CharField(blank=True, max_length=500)),
                ("noted_at", models.DateTimeField(auto_now_add=True, help_text="Real time.")),
                (
                    "package",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="progress",
                        to="quality.evidencepackage",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="evidencepackage",
            constraint=models.UniqueConstraint(
                fields=("site", "number"), name="evidence_package_number_per_site"
            ),
        ),
        migrations.AddConstraint(
            model_name="evidencepackage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("lot__isnull", False), ("product_revision__isnull", True)),
                    models.Q(
                        ("baseline__isnull", False),
                        ("lot__isnull", True),
                        ("product_revision__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="evidence_package_of_lot_or_product",
            ),
        ),
        migrations.AddConstraint(
            model_name="packageprogress",
            constraint=models.UniqueConstraint(
                fields=("package", "attempt", "artifact", "error"), name="package_progress_once"
            ),
        ),
        run_sql_file(__file__, "packages"),
    ]
