"""The movement guard, append-only evidence, grants and the audit trail: all of it below the application."""

from django.db import migrations

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("lots", "0001_initial")]

    operations = [run_sql_file(__file__, "guards"), run_sql_file(__file__, "audit")]
