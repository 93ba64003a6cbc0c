"""A failed safety test that does not count: with a reason, signed by another person."""

import django.db.models.deletion
from django.db import migrations, models

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("quality", "0031_deviation_values"),
    ]

    operations = [
        migrations.CreateModel(
            name="SafetySetAside",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.CharField(max_length=300)),
                ("set_aside_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "result",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="set_aside",
                        to="quality.safetyresult",
                    ),
                ),
                (
                    "signature",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="quality.signature"
                    ),
                ),
            ],
        ),
        run_sql_file(__file__, "safety_set_aside"),
    ]
