"""Count failed attempts to plot a subgroup; after the last it is closed without a point."""

from django.db import migrations, models

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("spc", "0011_point_columns")]

    operations = [
        migrations.AddField(
            model_name="subgroup",
            name="attempts",
            field=models.PositiveSmallIntegerField(
                db_default=0, default=0, help_text="How often plotting it has failed."
            ),
        ),
        migrations.AlterField(
            model_name="subgroup",
            name="closed_by",
            field=models.CharField(
                blank=True,
                choices=[
                    ("complete", "Complete"),
                    ("timeout", "Timed out"),
                    ("step_closed", "Step closed"),
                    ("failed", "Could not be evaluated"),
                ],
                max_length=12,
            ),
        ),
        run_sql_file(__file__, "failed_subgroups"),
    ]
