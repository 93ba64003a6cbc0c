"""What a delivered material must show at the door, and how long it is good."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0011_receipts"),
        ("quality", "0019_investigation"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="IncomingRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "shelf_life_d",
                    models.PositiveIntegerField(
                        blank=True, help_text="Days from manufacture. Empty: it does not expire.", null=True
                    ),
                ),
                (
                    "open_life_h",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Hours from the first opening. Empty: opening it changes nothing.",
                        null=True,
                    ),
                ),
                (
                    "warn_before_h",
                    models.PositiveIntegerField(default=168, help_text="From when it expires soon, hours."),
                ),
                ("reason", models.CharField(max_length=300)),
                ("set_at", models.DateTimeField(help_text="Site clock.")),
                (
                    "material",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="incoming_rules",
                        to="lots.materialdefinition",
                    ),
                ),
                (
                    "set_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CertificateItem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("unit", models.CharField(max_length=16)),
                ("lower", models.DecimalField(blank=True, decimal_places=10, max_digits=26, null=True)),
                ("upper", models.DecimalField(blank=True, decimal_places=10, max_digits=26, null=True)),
                (
                    "rule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="quality.incomingrule",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="incomingrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("shelf_life_d__isnull", True), ("shelf_life_d__range", (1, 10000)), _connector="OR"
                    ),
                    models.Q(
                        ("open_life_h__isnull", True), ("open_life_h__range", (1, 100000)), _connector="OR"
                    ),
                    ("warn_before_h__lte", 10000),
                ),
                name="incoming_rule_lives",
            ),
        ),
        migrations.AddConstraint(
            model_name="incomingrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="incoming_rule_explained"
            ),
        ),
        migrations.AddConstraint(
            model_name="certificateitem",
            constraint=models.UniqueConstraint(fields=("rule", "name"), name="certificate_item_once"),
        ),
        migrations.AddConstraint(
            model_name="certificateitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("lower__isnull", True),
                    ("upper__isnull", True),
                    ("lower__lte", models.F("upper")),
                    _connector="OR",
                ),
                name="certificate_item_limits",
            ),
        ),
        run_sql_file(__file__, "incoming"),
    ]
