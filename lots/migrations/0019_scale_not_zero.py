"""A map along a roll has a way back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0018_room_for_holds"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="genealogylink",
            constraint=models.CheckConstraint(
                condition=models.Q(("scale", 0), _negated=True), name="link_scale_not_zero"
            ),
        ),
    ]
