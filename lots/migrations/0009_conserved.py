"""A lot counts what was taken from it: nothing is overdrawn, by any path."""

from django.db import migrations, models

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0008_calibration_error"),
    ]

    operations = [
        migrations.AddField(
            model_name="lot",
            name="taken",
            field=models.DecimalField(
                db_default=0,
                decimal_places=3,
                default=0,
                editable=False,
                help_text="How much of the quantity went into other lots; kept by trigger.",
                max_digits=14,
            ),
        ),
        run_sql_file(__file__, "conserved"),
        migrations.AddConstraint(
            model_name="lot",
            constraint=models.CheckConstraint(
                condition=models.Q(("taken__gte", 0), ("taken__lte", models.F("quantity"))),
                name="lot_not_overdrawn",
            ),
        ),
    ]
