"""Keep the process-window table beside the requirements and specifications that follow from it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0002_guards_and_audit"),
        ("quality", "0003_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProcessWindow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "number",
                    models.PositiveSmallIntegerField(help_text="Row of the table, from 1.", unique=True),
                ),
                ("step", models.CharField(max_length=32)),
                ("name", models.CharField(max_length=120)),
                ("unit", models.CharField(max_length=32)),
                ("target", models.CharField(blank=True, max_length=80)),
                ("lsl", models.CharField(blank=True, max_length=32)),
                ("usl", models.CharField(blank=True, max_length=32)),
                ("sampling_plan", models.CharField(blank=True, max_length=120)),
                ("gauge", models.CharField(blank=True, max_length=80)),
                ("within_sd", models.CharField(blank=True, max_length=40)),
                ("between_sd", models.CharField(blank=True, max_length=40)),
                ("source_type_text", models.CharField(max_length=60)),
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
                ("source", models.CharField(blank=True, max_length=300)),
                ("note", models.CharField(blank=True, max_length=300)),
                (
                    "characteristic",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="process_windows",
                        to="lots.characteristic",
                    ),
                ),
                (
                    "requirement",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="process_windows",
                        to="quality.requirement",
                    ),
                ),
            ],
            options={
                "ordering": ("number",),
                "constraints": [models.UniqueConstraint(fields=("step", "name"), name="process_window_once")],
            },
        ),
        # A record of what was known: never changed, and its loading is in the audit trail.
        migrations.RunSQL(
            sql="""
                CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON quality_processwindow
                    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
                CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_processwindow
                    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_processwindow', 'id');
            """,
            reverse_sql="""
                DROP TRIGGER audit ON quality_processwindow;
                DROP TRIGGER append_only ON quality_processwindow;
            """,
        ),
    ]
