"""Collectors are a kind of material: foil that is prepared before it is coated."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0011_receipts"),
    ]

    operations = [
        migrations.AlterField(
            model_name="materialdefinition",
            name="kind",
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
        migrations.AlterField(
            model_name="processstep",
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
