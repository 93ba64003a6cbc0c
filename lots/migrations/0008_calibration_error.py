"""What a failed calibration found, so that the history of the gauge can be judged again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0007_supersession_submission"),
    ]

    operations = [
        migrations.AddField(
            model_name="calibration",
            name="as_found_error",
            field=models.DecimalField(
                blank=True,
                decimal_places=8,
                help_text="Reading minus reference before adjustment, in the unit that the gauge reads; empty: not known.",
                max_digits=18,
                null=True,
            ),
        ),
    ]
