"""Who may close a hold, and what of quality's records never changes."""

from django.db import migrations

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("quality", "0001_initial"), ("spc", "0002_guards"), ("lots", "0002_guards_and_audit")]

    operations = [run_sql_file(__file__, "guards")]
