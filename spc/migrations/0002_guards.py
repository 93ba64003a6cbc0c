"""What of the charts is append-only, what the application may change, and what is audited."""

from django.db import migrations

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("spc", "0001_initial"), ("lots", "0002_guards_and_audit")]

    operations = [run_sql_file(__file__, "guards")]
