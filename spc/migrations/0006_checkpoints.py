"""A replay may delete the checkpoints that it outdates."""

from django.db import migrations

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("spc", "0005_reactions")]

    operations = [run_sql_file(__file__, "checkpoints")]
