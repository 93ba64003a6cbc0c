"""Compare a stamped point column by column."""

from django.db import migrations

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("spc", "0010_signal_audit")]

    operations = [run_sql_file(__file__, "point_columns")]
