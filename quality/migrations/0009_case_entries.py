"""Entries of nonconformances, append-only."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("quality", "0008_release"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CaseEntry",
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
                        choices=[
                            ("owner", "Owner and due date"),
                            ("containment", "Containment"),
                            ("classification", "Classification"),
                            ("evidence", "Evidence"),
                            ("why", "Why"),
                            ("root_cause", "Root cause"),
                            ("action", "Corrective action"),
                            ("action_done", "Action carried out"),
                            ("effectiveness", "Effectiveness"),
                            ("closure", "Closure"),
                        ],
                        max_length=16,
                    ),
                ),
                ("content", models.JSONField()),
                ("entered_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="quality.nonconformance",
                    ),
                ),
                (
                    "entered_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "signature",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="case_entry",
                        to="quality.signature",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "case entries",
                "indexes": [models.Index(fields=["case", "id"], name="case_entry_in_order")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "closure"), _negated=True),
                            ("signature__isnull", False),
                            _connector="OR",
                        ),
                        name="case_closure_signed",
                    )
                ],
            },
        ),
        run_sql_file(__file__, "case_entries"),
    ]
