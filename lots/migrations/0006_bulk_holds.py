"""Holds on many lots: triggers that run once a statement, or cheaply a row."""

from django.db import migrations

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("lots", "0005_curve_conditions")]

    operations = [run_sql_file(__file__, "bulk_holds")]
