"""State of charge and temperature of a spectrum; what the application may do with the table stays as it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0004_curve_files"),
    ]

    operations = [
        migrations.AddField(
            model_name="curvefile",
            name="soc_pct",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="State of charge of a spectrum.",
                max_digits=5,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="curvefile",
            name="temperature_c",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="Temperature of the cell at a spectrum.",
                max_digits=5,
                null=True,
            ),
        ),
    ]
