"""Audit the signals that one statement writes together."""

from django.db import migrations

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("spc", "0009_more_families"), ("lots", "0017_audit_inserts")]

    operations = [run_sql_file(__file__, "signal_audit")]
