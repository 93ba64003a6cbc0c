"""Humidity spikes, the lots that lay open in them, and the limits that they tighten."""

import django.db.models.deletion
from django.db import migrations, models

import lots.fields
from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0010_air"),
        ("quality", "0023_evidence_packages"),
    ]

    operations = [
        migrations.CreateModel(
            name="HumiditySpike",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "limit_c",
                    models.DecimalField(
                        decimal_places=8, help_text="Frost point, USL of `line` then.", max_digits=20
                    ),
                ),
                (
                    "started_at",
                    models.DateTimeField(help_text="Site clock: the first reading above the limit."),
                ),
                ("found_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "gauge",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.gauge",
                    ),
                ),
                (
                    "line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="quality.specificationline",
                    ),
                ),
                (
                    "zone",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="humidity_spikes",
                        to="lots.zone",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SpikeLot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="humidity_spikes",
                        to="lots.lot",
                    ),
                ),
                (
                    "spike",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lots",
                        to="quality.humidityspike",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TightenedLimits",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("lsl", models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True)),
                ("usl", models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True)),
                ("rule", models.CharField(max_length=300)),
                (
                    "source_type",
                    models.CharField(
                        choices=[
                            ("handbook", "Handbook"),
                            ("literature", "Literature"),
                            ("real_data", "Real data"),
                            ("computed", "Computed"),
                            ("assumption", "Assumption"),
                        ],
                        max_length=12,
                    ),
                ),
                ("made_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tightened",
                        to="quality.specificationline",
                    ),
                ),
                (
                    "spike",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tightened",
                        to="quality.humidityspike",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="judgement",
            name="tightened",
            field=models.ForeignKey(
                blank=True,
                help_text="Where a humidity spike tightened the line's limits.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="judgements",
                to="quality.tightenedlimits",
            ),
        ),
        migrations.AddConstraint(
            model_name="humidityspike",
            constraint=models.UniqueConstraint(
                fields=("zone", "gauge", "started_at"), name="humidity_spike_once", nulls_distinct=False
            ),
        ),
        migrations.AddIndex(
            model_name="spikelot",
            index=models.Index(fields=["lot"], name="spike_by_lot"),
        ),
        migrations.AddConstraint(
            model_name="spikelot",
            constraint=models.UniqueConstraint(fields=("spike", "lot"), name="spike_lot_once"),
        ),
        migrations.AddConstraint(
            model_name="tightenedlimits",
            constraint=models.UniqueConstraint(fields=("spike", "line"), name="tightened_limits_once"),
        ),
        run_sql_file(__file__, "humidity_spikes"),
    ]
