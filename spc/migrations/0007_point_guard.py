"""Stamp replaced points without comparing them column by column."""

from django.db import migrations

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("spc", "0006_checkpoints")]

    operations = [run_sql_file(__file__, "point_guard")]
