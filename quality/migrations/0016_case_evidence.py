"""Comparisons of bad and good lots are kept in their case."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("quality", "0015_shift_checks"),
    ]

    operations = [
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
    ]
