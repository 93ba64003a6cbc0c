"""Failure investigations and post-mortems are entries of their case; photographs lie beside them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("quality", "0018_named_gates"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CasePhoto",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sha256", models.CharField(max_length=64)),
                ("size", models.PositiveIntegerField(help_text="Bytes.")),
                ("media_type", models.CharField(max_length=20)),
                ("name", models.CharField(help_text="What it shows.", max_length=120)),
                ("added_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "added_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="photos",
                        to="quality.nonconformance",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("case", "sha256"), name="case_photo_once")],
            },
        ),
        migrations.RemoveConstraint(
            model_name="caseentry",
            name="case_closure_signed",
        ),
        migrations.AlterField(
            model_name="caseentry",
            name="kind",
            field=models.CharField(
                choices=[
                    ("owner", "Owner and due date"),
                    ("containment", "Containment"),
                    ("classification", "Classification"),
                    ("evidence", "Evidence"),
                    ("commonality", "Commonality"),
                    ("fault_signature", "Signature of the failure"),
                    ("integrity", "Measurement checked"),
                    ("observation", "Part of the evidence set"),
                    ("branch", "Branch of the decision tree"),
                    ("retest", "Re-test planned"),
                    ("retest_result", "Re-test reported"),
                    ("diagnosis", "Diagnosis"),
                    ("control_link", "Tied to a control"),
                    ("post_mortem", "Post-mortem begun"),
                    ("custody", "Taken into custody"),
                    ("layer", "Layer examined"),
                    ("hypothesis", "Hypothesis"),
                    ("verdict", "Hypothesis judged"),
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
        migrations.AddConstraint(
            model_name="caseentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind__in", ("closure", "integrity")), _negated=True),
                    ("signature__isnull", False),
                    _connector="OR",
                ),
                name="case_entry_signed",
            ),
        ),
        run_sql_file(__file__, "investigation"),
    ]
