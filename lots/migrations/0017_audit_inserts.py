"""Audit many inserted rows of a chain with one lock and one new head."""

from django.db import migrations

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("lots", "0016_evidence_hold")]

    operations = [run_sql_file(__file__, "audit_inserts")]
