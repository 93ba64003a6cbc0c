"""Room and fewer indexes for holds on very many lots."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import lots.fields
from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0017_audit_inserts"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="holdlot",
            name="hold_lot_by_disposition",
        ),
        migrations.AlterField(
            model_name="holdlot",
            name="hold",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="members",
                to="lots.hold",
            ),
        ),
        migrations.AlterField(
            model_name="holdlot",
            name="inherited_from",
            field=lots.fields.LotRef(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="lots.lot",
            ),
        ),
        migrations.AlterField(
            model_name="lot",
            name="created_by",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="lot",
            name="site",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lots",
                to="lots.site",
            ),
        ),
        migrations.AddIndex(
            model_name="holdlot",
            index=models.Index(
                condition=models.Q(("disposition_id__isnull", False)),
                fields=["disposition_id"],
                name="hold_lot_by_disposition",
            ),
        ),
        run_sql_file(__file__, "room_for_holds"),
    ]
