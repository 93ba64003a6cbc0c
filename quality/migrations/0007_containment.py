"""Holds are widened and narrowed; each change is evidence."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0007_supersession_submission"),
        ("quality", "0006_bulk_holds"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="disposition",
            name="decision",
            field=models.CharField(
                choices=[
                    ("release", "Release"),
                    ("rework", "Rework"),
                    ("regrade", "Regrade"),
                    ("scrap", "Scrap"),
                    ("concession", "Concession"),
                    ("narrow", "Not affected"),
                ],
                max_length=12,
            ),
        ),
        migrations.CreateModel(
            name="ContainmentChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("widened", "Widened"), ("narrowed", "Narrowed")], max_length=8
                    ),
                ),
                ("what", models.CharField(help_text="The extents, in words.", max_length=300)),
                ("reason", models.CharField(max_length=500)),
                ("lots_added", models.PositiveIntegerField()),
                ("lots_closed", models.PositiveIntegerField()),
                ("decided_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "decided_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "disposition",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="containment_change",
                        to="quality.disposition",
                    ),
                ),
                (
                    "hold",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="containment_changes",
                        to="lots.hold",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind", "widened"), ("disposition__isnull", False), _connector="OR"
                        ),
                        name="containment_narrowed_signed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="containment_change_explained"
                    ),
                ],
            },
        ),
        run_sql_file(__file__, "containment"),
    ]
