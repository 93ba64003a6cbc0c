"""Chart plans are master data: a change of them is seen by processes that remember what they have read."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("spc", "0002_guards"), ("lots", "0003_masters")]

    operations = [
        migrations.RunSQL(
            "SELECT halite_watch_masters(ARRAY['spc_chartplan'])",
            "DROP TRIGGER IF EXISTS masters_changed ON spc_chartplan",
        )
    ]
