"""Requirements, specifications and control plans are master data, which processes remember until they change."""

from django.db import migrations

TABLES = (
    "quality_requirement",
    "quality_specification",
    "quality_specificationline",
    "quality_controlplan",
    "quality_controlplanrevision",
    "quality_controlplanline",
    "quality_workorderplan",
)


class Migration(migrations.Migration):
    dependencies = [("quality", "0004_process_windows"), ("lots", "0003_masters")]

    operations = [
        migrations.RunSQL(
            f"SELECT halite_watch_masters(ARRAY[{', '.join(repr(table) for table in TABLES)}])",
            ";".join(f"DROP TRIGGER IF EXISTS masters_changed ON {table}" for table in TABLES),
        )
    ]
