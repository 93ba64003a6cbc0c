"""A case carries what it was opened from: a signal or a defect beside its hold."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("quality", "0012_drafts"),
        ("spc", "0004_replay"),
    ]

    operations = [
        migrations.AddField(
            model_name="nonconformance",
            name="defect",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="nonconformances",
                to="quality.defect",
            ),
        ),
        migrations.AddField(
            model_name="nonconformance",
            name="signal",
            field=models.ForeignKey(
                blank=True,
                help_text="As first found; a replay of the chart finds it again under another key.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="nonconformances",
                to="spc.signal",
            ),
        ),
    ]
