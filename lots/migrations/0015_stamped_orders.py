"""When an order was opened is remembered with its control plan: a change of orders is stamped."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = (("lots", "0014_hold_early_spread"),)
    operations = (
        migrations.RunSQL(
            "SELECT halite_watch_masters(ARRAY['lots_workorder'])",
            "DROP TRIGGER masters_changed ON lots_workorder",
        ),
    )
