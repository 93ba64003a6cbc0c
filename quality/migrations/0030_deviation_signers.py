"""Who asks for a deviation gives neither of its signatures."""

from django.db import migrations

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("quality", "0029_shelf_life_extensions")]

    operations = [run_sql_file(__file__, "deviation_signers")]
