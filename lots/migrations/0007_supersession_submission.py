"""A supersession names the submission that corrected or withdrew."""

import django.db.models.deletion
from django.db import migrations, models

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0006_bulk_holds"),
    ]

    operations = [
        migrations.AddField(
            model_name="supersession",
            name="submission",
            field=models.ForeignKey(
                blank=True,
                help_text="The submission that corrected or withdrew.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="supersessions",
                to="lots.submission",
            ),
        ),
        run_sql_file(__file__, "supersession"),
    ]
