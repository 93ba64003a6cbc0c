"""Reactions that tighten sampling or stop a stream."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("spc", "0004_replay"),
    ]

    operations = [
        migrations.AlterField(
            model_name="signal",
            name="reaction",
            field=models.CharField(
                blank=True,
                choices=[
                    ("alert", "Alert"),
                    ("hold", "Hold"),
                    ("contain", "Contain"),
                    ("tighten", "Tighten sampling"),
                    ("stop", "Stop the stream"),
                ],
                max_length=12,
            ),
        ),
    ]
