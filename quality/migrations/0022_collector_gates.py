"""Collectors may have a gate of their own, too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("quality", "0021_gauge_studies"),
    ]

    operations = [
        migrations.AlterField(
            model_name="namedgate",
            name="material_kind",
            field=models.CharField(
                choices=[
                    ("raw", "Raw material"),
                    ("slurry", "Slurry"),
                    ("collector", "Current collector"),
                    ("mother_roll", "Mother roll"),
                    ("daughter_roll", "Daughter roll"),
                    ("electrolyte", "Electrolyte"),
                    ("cell_lot", "Cell lot"),
                    ("cell", "Cell"),
                ],
                max_length=16,
            ),
        ),
    ]
