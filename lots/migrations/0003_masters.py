"""The stamp that changes with the master data, so that processes may remember what they have read of them."""

from django.db import migrations

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("lots", "0002_guards_and_audit")]

    operations = [run_sql_file(__file__, "masters")]
