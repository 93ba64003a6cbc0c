"""The check of a closed hold runs for rows that are closed, not for each of 100,000 that are placed."""

from django.db import migrations

TRIGGER = """
CREATE TRIGGER hold_closed_by_item BEFORE INSERT OR UPDATE ON lots_holdlot
    FOR EACH ROW {} EXECUTE FUNCTION halite_hold_closed_by_item()
"""


class Migration(migrations.Migration):
    dependencies = [("quality", "0005_masters"), ("lots", "0006_bulk_holds")]

    operations = [
        migrations.RunSQL(
            [
                "DROP TRIGGER hold_closed_by_item ON lots_holdlot",
                TRIGGER.format("WHEN (NEW.disposition_id IS NOT NULL)"),
            ],
            ["DROP TRIGGER hold_closed_by_item ON lots_holdlot", TRIGGER.format("")],
        )
    ]
