"""Replays: points that replace others, signals carried over, points excluded by decision."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("spc", "0003_masters"),
        ("lots", "0007_supersession_submission"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PointExclusion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("excluded", models.BooleanField()),
                ("reason", models.CharField(max_length=300)),
                ("decided_at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="point",
            name="point_sequence_once",
        ),
        migrations.AddField(
            model_name="point",
            name="replaced_at",
            field=models.DateTimeField(
                blank=True, help_text="A replay plotted its subgroup anew.", null=True
            ),
        ),
        migrations.AddField(
            model_name="signal",
            name="carried_from",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="spc.signal",
            ),
        ),
        migrations.AddIndex(
            model_name="subgroup",
            index=models.Index(fields=["chart", "key"], name="subgroup_by_key"),
        ),
        migrations.AddConstraint(
            model_name="point",
            constraint=models.UniqueConstraint(
                condition=models.Q(("replaced_at__isnull", True)),
                fields=("chart", "sequence"),
                name="point_current_once",
            ),
        ),
        migrations.AddField(
            model_name="pointexclusion",
            name="chart",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="exclusions", to="spc.chart"
            ),
        ),
        migrations.AddField(
            model_name="pointexclusion",
            name="decided_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="pointexclusion",
            name="subgroup",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="exclusions", to="spc.subgroup"
            ),
        ),
        migrations.AddConstraint(
            model_name="pointexclusion",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="point_exclusion_explained"
            ),
        ),
        run_sql_file(__file__, "replay"),
    ]
