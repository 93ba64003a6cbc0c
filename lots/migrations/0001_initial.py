import django.contrib.auth.models
import django.contrib.auth.validators
import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.comparison
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import lots.fields
import lots.models.genealogy
import lots.models.lot
from lots.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        run_sql_file(__file__, "base"),
        migrations.CreateModel(
            name="Measurement",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "received_at", "id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("id", models.BigIntegerField()),
                ("received_at", models.DateTimeField()),
                ("measured_at", models.DateTimeField()),
                ("sequence", models.PositiveIntegerField(help_text="Order inside the submission.")),
                ("lot_id", lots.fields.LotRefId(blank=True, null=True)),
                ("gauge_is_subject", models.BooleanField(default=False)),
                ("position", models.DecimalField(blank=True, decimal_places=4, max_digits=14, null=True)),
                ("roll_position_mm", models.BigIntegerField(blank=True, null=True)),
                ("entered_text", models.CharField(max_length=40)),
                ("entered_unit", models.CharField(max_length=16)),
                ("value", models.DecimalField(decimal_places=10, max_digits=26)),
                ("sample_size", models.PositiveIntegerField(blank=True, null=True)),
                ("qualifier", models.CharField(blank=True, max_length=1)),
                (
                    "quality",
                    models.CharField(
                        choices=[("good", "Good"), ("suspect", "Suspect"), ("quarantined", "Quarantined")],
                        default="good",
                        max_length=12,
                    ),
                ),
                ("formula_version", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "input_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), blank=True, null=True, size=None
                    ),
                ),
            ],
            options={
                "db_table": "lots_measurement",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="AuditChain",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("length", models.BigIntegerField()),
                ("head", models.BinaryField(max_length=32)),
            ],
        ),
        migrations.CreateModel(
            name="MaterialDefinition",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=32, unique=True)),
                ("name", models.CharField(max_length=100)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("raw", "Raw material"),
                            ("slurry", "Slurry"),
                            ("mother_roll", "Mother roll"),
                            ("daughter_roll", "Daughter roll"),
                            ("electrolyte", "Electrolyte"),
                            ("cell_lot", "Cell lot"),
                            ("cell", "Cell"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "unit",
                    models.CharField(help_text="UCUM unit in which quantities are counted.", max_length=16),
                ),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ProcessStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=32, unique=True)),
                ("name", models.CharField(max_length=100)),
                (
                    "material_kind",
                    models.CharField(
                        choices=[
                            ("raw", "Raw material"),
                            ("slurry", "Slurry"),
                            ("mother_roll", "Mother roll"),
                            ("daughter_roll", "Daughter roll"),
                            ("electrolyte", "Electrolyte"),
                            ("cell_lot", "Cell lot"),
                            ("cell", "Cell"),
                        ],
                        max_length=16,
                    ),
                ),
                ("sequence", models.PositiveSmallIntegerField(unique=True)),
            ],
        ),
        migrations.CreateModel(
            name="Product",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=32, unique=True)),
                ("name", models.CharField(max_length=100)),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        error_messages={"unique": "A user with that username already exists."},
                        help_text="Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.",
                        max_length=150,
                        unique=True,
                        validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                        verbose_name="username",
                    ),
                ),
                ("first_name", models.CharField(blank=True, max_length=150, verbose_name="first name")),
                ("last_name", models.CharField(blank=True, max_length=150, verbose_name="last name")),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="email address")),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False,
                        help_text="Designates whether the user can log into this admin site.",
                        verbose_name="staff status",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",
                        verbose_name="active",
                    ),
                ),
                (
                    "date_joined",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="date joined"),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "verbose_name": "user",
                "verbose_name_plural": "users",
                "abstract": False,
            },
            managers=[
                ("objects", django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("chain", models.CharField(max_length=64)),
                ("sequence", models.BigIntegerField()),
                ("at", models.DateTimeField(help_text="Real time, also on simulated sites.")),
                ("actor", models.CharField(max_length=150)),
                ("database_role", models.CharField(max_length=64)),
                ("operation", models.CharField(max_length=8)),
                ("table_name", models.CharField(max_length=64)),
                ("row_id", models.CharField(max_length=64)),
                ("payload", models.TextField()),
                ("previous_hash", models.BinaryField(max_length=32)),
                ("hash", models.BinaryField(max_length=32)),
            ],
            options={
                "indexes": [models.Index(fields=["table_name", "row_id"], name="audit_event_by_row")],
                "constraints": [
                    models.UniqueConstraint(fields=("chain", "sequence"), name="audit_event_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Characteristic",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=64, unique=True)),
                ("name", models.CharField(max_length=120)),
                ("unit", models.CharField(max_length=16)),
                ("role", models.CharField(max_length=16)),
                ("data_type", models.CharField(max_length=16)),
                ("position_kind", models.CharField(max_length=16)),
                ("subject_kind", models.CharField(max_length=16)),
                ("decimals", models.PositiveSmallIntegerField()),
                ("gauge_kind", models.CharField(blank=True, max_length=32)),
                ("help", models.CharField(blank=True, max_length=300)),
                ("derived", models.BooleanField(default=False)),
                (
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="characteristics",
                        to="lots.processstep",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ProductRevision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("revision", models.CharField(max_length=16)),
                ("issued_at", models.DateTimeField()),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revisions",
                        to="lots.product",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("product", "revision"), name="product_revision_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Recipe",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=32, unique=True)),
                ("name", models.CharField(max_length=100)),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
                (
                    "material",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recipes",
                        to="lots.materialdefinition",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="recipes", to="lots.product"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RecipeRevision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("revision", models.CharField(max_length=16)),
                ("issued_at", models.DateTimeField()),
                (
                    "recipe",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revisions",
                        to="lots.recipe",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("recipe", "revision"), name="recipe_revision_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="RecipeParameter",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("value", models.DecimalField(decimal_places=8, max_digits=20)),
                ("unit", models.CharField(max_length=16)),
                (
                    "step",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="lots.processstep"),
                ),
                (
                    "recipe_revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="parameters",
                        to="lots.reciperevision",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("recipe_revision", "step", "name"), name="recipe_parameter_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Route",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                (
                    "product_revision",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="route",
                        to="lots.productrevision",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RouteStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sequence", models.PositiveSmallIntegerField()),
                ("required", models.BooleanField(default=True)),
                (
                    "carries_interval_hold",
                    models.BooleanField(
                        default=False,
                        help_text="A roll with a held interval may run this step whole; the hold travels with it.",
                    ),
                ),
                (
                    "route",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="steps", to="lots.route"
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="route_steps",
                        to="lots.processstep",
                    ),
                ),
            ],
            options={
                "ordering": ("sequence",),
                "constraints": [
                    models.UniqueConstraint(fields=("route", "sequence"), name="route_sequence_once"),
                    models.UniqueConstraint(fields=("route", "step"), name="route_step_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Site",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=16, unique=True)),
                ("name", models.CharField(max_length=100)),
                ("time_zone", models.CharField(max_length=64)),
                (
                    "production_day_starts",
                    models.TimeField(help_text="Local time at which the production day begins."),
                ),
                ("simulated", models.BooleanField()),
                (
                    "clock_offset_s",
                    models.FloatField(
                        default=0.0, help_text="Seconds added to real time; simulated sites only."
                    ),
                ),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("simulated", True), ("clock_offset_s", 0.0), _connector="OR"),
                        name="site_clock_only_simulated",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Shift",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=32)),
                ("starts", models.TimeField()),
                ("ends", models.TimeField()),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="shifts", to="lots.site"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("site", "name"), name="shift_name_per_site")],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("operator", "Operator"),
                            ("quality_engineer", "Quality engineer"),
                            ("process_engineer", "Process engineer"),
                            ("reviewer", "Reviewer"),
                            ("administrator", "Administrator"),
                            ("equipment", "Equipment"),
                            ("auditor", "Auditor"),
                        ],
                        max_length=20,
                    ),
                ),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="lots.site",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "site", "role"), name="membership_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "role__in",
                                [
                                    "operator",
                                    "quality_engineer",
                                    "process_engineer",
                                    "reviewer",
                                    "administrator",
                                    "equipment",
                                    "auditor",
                                ],
                            )
                        ),
                        name="membership_role_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=lots.fields.new_uuid7, editable=False, unique=True)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("defect", "Value out of specification"),
                            ("signal", "Control chart signal"),
                            ("manual", "Placed by hand"),
                            ("poison", "Evaluation failed"),
                            ("calibration", "Gauge out of calibration"),
                            ("unauthorised", "Moved without permission"),
                            ("inherited", "Placed on an ancestor"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "source_id",
                    models.BigIntegerField(
                        blank=True, help_text="Key of the defect or signal behind it.", null=True
                    ),
                ),
                ("reason", models.CharField(max_length=500)),
                ("owner_role", models.CharField(default="quality_engineer", max_length=20)),
                ("placed_at", models.DateTimeField(help_text="Site clock.")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "placed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="holds", to="lots.site"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["source", "source_id"], name="hold_by_source")],
            },
        ),
        migrations.CreateModel(
            name="Equipment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=32)),
                ("name", models.CharField(max_length=100)),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="parts",
                        to="lots.equipment",
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="equipment",
                        to="lots.processstep",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="equipment", to="lots.site"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "equipment",
                "constraints": [
                    models.UniqueConstraint(fields=("site", "code"), name="equipment_code_per_site")
                ],
            },
        ),
        migrations.CreateModel(
            name="Source",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=100)),
                (
                    "key_hash",
                    models.CharField(
                        blank=True, help_text="SHA-256 of the API key; the key is shown once.", max_length=64
                    ),
                ),
                ("key_expires_at", models.DateTimeField(blank=True, null=True)),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="sources", to="lots.site"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sources",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("site", "code"), name="source_code_per_site"),
                    models.UniqueConstraint(
                        condition=models.Q(("key_hash", ""), _negated=True),
                        fields=("key_hash",),
                        name="source_key_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Supersession",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("old_received_at", models.DateTimeField()),
                ("old_id", models.BigIntegerField(unique=True)),
                ("new_received_at", models.DateTimeField(blank=True, null=True)),
                ("new_id", models.BigIntegerField(blank=True, null=True)),
                ("reason", models.CharField(max_length=300)),
                ("superseded_at", models.DateTimeField()),
                (
                    "superseded_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WorkOrder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=32)),
                ("quantity", models.DecimalField(decimal_places=3, max_digits=14)),
                ("unit", models.CharField(max_length=16)),
                ("opened_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "product_revision",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="lots.productrevision"),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="work_orders",
                        to="lots.site",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("site", "code"), name="work_order_code_per_site")
                ],
            },
        ),
        migrations.CreateModel(
            name="Lot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=lots.fields.new_uuid7, editable=False, unique=True)),
                ("code", models.CharField(max_length=48)),
                ("quantity", models.DecimalField(decimal_places=3, max_digits=14)),
                (
                    "length_mm",
                    models.BigIntegerField(
                        blank=True, help_text="Of a roll, at its latest geometry.", null=True
                    ),
                ),
                ("lanes", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("active", "Active"),
                            ("consumed", "Consumed"),
                            ("packed", "Packed"),
                            ("shipped", "Shipped"),
                            ("scrapped", "Scrapped"),
                        ],
                        default="active",
                        max_length=16,
                    ),
                ),
                ("hold_revision", models.BigIntegerField(default=0)),
                ("created_at", models.DateTimeField(help_text="Site clock.")),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("simulated", models.BooleanField(default=False)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "material",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lots",
                        to="lots.materialdefinition",
                    ),
                ),
                (
                    "product_revision",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="lots.productrevision",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lots", to="lots.site"
                    ),
                ),
                (
                    "work_order",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lots",
                        to="lots.workorder",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["site", "state", "-id"], name="lot_by_state")],
                "constraints": [
                    models.UniqueConstraint(fields=("site", "code"), name="lot_code_per_site"),
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gt", 0)), name="lot_quantity_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("length_mm__isnull", True), ("length_mm__gt", 0), _connector="OR"
                        ),
                        name="lot_length_positive",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="GateDecision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("purpose", models.CharField(max_length=16)),
                ("passed", models.BooleanField()),
                (
                    "blockers",
                    models.JSONField(
                        default=list, help_text="What refused it, verbatim, when it did not pass."
                    ),
                ),
                ("decided_at", models.DateTimeField()),
                ("transaction_id", models.BigIntegerField(db_default=lots.models.lot.CurrentTransaction())),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gate_decisions",
                        to="lots.lot",
                    ),
                ),
                (
                    "route_step",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.routestep",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["lot", "-id"], name="gate_decision_by_lot")],
            },
        ),
        migrations.CreateModel(
            name="LotAlias",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("issuer", models.CharField(max_length=64)),
                ("alias", models.CharField(max_length=64)),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT, related_name="aliases", to="lots.lot"
                    ),
                ),
                ("site", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="lots.site")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("site", "issuer", "alias"), name="lot_alias_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="StepExecution",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=lots.fields.new_uuid7, editable=False, unique=True)),
                ("attempt", models.PositiveSmallIntegerField(default=1)),
                ("started_at", models.DateTimeField(help_text="Site clock.")),
                ("finished_at", models.DateTimeField(blank=True, help_text="Site clock.", null=True)),
                (
                    "reported",
                    models.BooleanField(
                        default=False, help_text="It happened without permission; see Movement."
                    ),
                ),
                (
                    "equipment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="executions",
                        to="lots.equipment",
                    ),
                ),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT, related_name="executions", to="lots.lot"
                    ),
                ),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "route_step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="executions",
                        to="lots.routestep",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("finished_at__isnull", True)),
                        fields=["route_step"],
                        name="execution_running",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("lot", "route_step", "attempt"), name="execution_attempt_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("finished_at__isnull", True),
                            ("finished_at__gte", models.F("started_at")),
                            _connector="OR",
                        ),
                        name="execution_finishes_after_start",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Movement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("start_step", "Start step"),
                            ("consume", "Consume"),
                            ("split", "Split"),
                            ("merge", "Merge"),
                            ("pack", "Pack"),
                            ("ship", "Ship"),
                            ("scrap", "Scrap"),
                        ],
                        max_length=16,
                    ),
                ),
                ("reported", models.BooleanField(default=False)),
                ("moved_at", models.DateTimeField(help_text="Site clock.")),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("transaction_id", models.BigIntegerField(db_default=lots.models.lot.CurrentTransaction())),
                (
                    "gate_decision",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="movements",
                        to="lots.gatedecision",
                    ),
                ),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT, related_name="movements", to="lots.lot"
                    ),
                ),
                (
                    "moved_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "execution",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="movements",
                        to="lots.stepexecution",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["lot", "-id"], name="movement_by_lot")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("gate_decision__isnull", False), ("reported", True), _connector="OR"
                        ),
                        name="movement_permitted_or_reported",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GenealogyLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("consume", "Consumed into"),
                            ("split", "Split into"),
                            ("merge", "Merged into"),
                            ("member", "Member of"),
                        ],
                        max_length=16,
                    ),
                ),
                ("quantity", models.DecimalField(decimal_places=3, max_digits=14)),
                ("unit", models.CharField(max_length=16)),
                ("parent_from_mm", models.BigIntegerField(blank=True, null=True)),
                ("parent_to_mm", models.BigIntegerField(blank=True, null=True)),
                ("lane_from", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("lane_to", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("child_offset_mm", models.BigIntegerField(default=0)),
                ("scale", models.DecimalField(decimal_places=9, default=1, max_digits=12)),
                ("uncertainty_mm", models.PositiveIntegerField(default=0)),
                ("linked_at", models.DateTimeField(help_text="Site clock.")),
                ("voided_at", models.DateTimeField(blank=True, null=True)),
                ("void_reason", models.CharField(blank=True, max_length=300)),
                (
                    "voided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "child",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="links_to_parents",
                        to="lots.lot",
                    ),
                ),
                (
                    "parent",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="links_to_children",
                        to="lots.lot",
                    ),
                ),
                (
                    "movement",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="links",
                        to="lots.movement",
                    ),
                ),
                (
                    "execution",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="links",
                        to="lots.stepexecution",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["parent", "child"], name="link_forward"),
                    models.Index(fields=["child", "parent"], name="link_backward"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind", "member"), ("movement__isnull", False), _connector="OR"),
                        name="link_has_movement",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("parent", models.F("child")), _negated=True),
                        name="link_not_to_itself",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gt", 0)), name="link_quantity_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("parent_from_mm__isnull", True), ("parent_to_mm__isnull", True)),
                            models.Q(
                                ("parent_from_mm__gte", 0), ("parent_to_mm__gt", models.F("parent_from_mm"))
                            ),
                            _connector="OR",
                        ),
                        name="link_interval_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("lane_from__isnull", True), ("lane_to__isnull", True)),
                            models.Q(("lane_from__gte", 1), ("lane_to__gte", models.F("lane_from"))),
                            _connector="OR",
                        ),
                        name="link_lanes_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("void_reason", ""), ("voided_at__isnull", True), ("voided_by__isnull", True)
                            ),
                            models.Q(
                                ("voided_at__isnull", False),
                                ("voided_by__isnull", False),
                                models.Q(("void_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="link_void_explained",
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        condition=models.Q(
                            ("parent_from_mm__isnull", False),
                            ("voided_at__isnull", True),
                            models.Q(("kind", "member"), _negated=True),
                        ),
                        expressions=[
                            (models.F("parent"), "="),
                            (
                                lots.models.genealogy.MillimetreRange(
                                    models.F("parent_from_mm"), models.F("parent_to_mm")
                                ),
                                "&&",
                            ),
                            (
                                lots.models.genealogy.LaneRange(
                                    django.db.models.functions.comparison.Coalesce(models.F("lane_from"), 1),
                                    django.db.models.functions.comparison.Coalesce(
                                        models.F("lane_to"), 32000
                                    ),
                                ),
                                "&&",
                            ),
                        ],
                        name="link_interval_consumed_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Submission",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=lots.fields.new_uuid7, editable=False, unique=True)),
                ("received_at", models.DateTimeField(help_text="Real time of receipt.")),
                ("simulated", models.BooleanField(default=False)),
                (
                    "digest",
                    models.BinaryField(
                        help_text="SHA-256 of the canonical form (lots.digest).", max_length=32
                    ),
                ),
                ("digest_version", models.PositiveSmallIntegerField(default=1)),
                ("measurement_count", models.PositiveIntegerField()),
                (
                    "file_sha256",
                    models.CharField(
                        blank=True, help_text="Of the instrument file, if it came as one.", max_length=64
                    ),
                ),
                (
                    "execution",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="submissions",
                        to="lots.stepexecution",
                    ),
                ),
                (
                    "recorded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="submissions",
                        to="lots.site",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="submissions",
                        to="lots.source",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["execution"], name="submission_by_execution")],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=128)),
                ("payload_hash", models.BinaryField(max_length=32)),
                ("answer", models.JSONField(help_text="What was answered, verbatim.")),
                ("created_at", models.DateTimeField()),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="lots.source"
                    ),
                ),
                (
                    "submission",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.submission",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("source", "key"), name="idempotency_key_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="WorkOrderRecipe",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "material",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="lots.materialdefinition"
                    ),
                ),
                (
                    "recipe_revision",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="lots.reciperevision"),
                ),
                (
                    "work_order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recipes",
                        to="lots.workorder",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("work_order", "material"), name="work_order_recipe_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Zone",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=32)),
                ("name", models.CharField(max_length=100)),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="zones", to="lots.site"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("site", "code"), name="zone_code_per_site")],
            },
        ),
        migrations.CreateModel(
            name="OpenInterval",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("opened_at", models.DateTimeField(help_text="Site clock.")),
                ("closed_at", models.DateTimeField(blank=True, help_text="Site clock.", null=True)),
                (
                    "closed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="open_intervals",
                        to="lots.lot",
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "zone",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="open_intervals",
                        to="lots.zone",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("closed_at__isnull", True),
                            ("closed_at__gte", models.F("opened_at")),
                            _connector="OR",
                        ),
                        name="open_interval_closes_after",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=("lot",),
                        name="open_interval_one_open",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Gauge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=32)),
                ("name", models.CharField(max_length=100)),
                ("kind", models.CharField(max_length=32)),
                ("resolution", models.DecimalField(blank=True, decimal_places=8, max_digits=14, null=True)),
                ("unit", models.CharField(blank=True, max_length=16)),
                ("height_m", models.DecimalField(blank=True, decimal_places=2, max_digits=5, null=True)),
                (
                    "moisture_reading",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "not a moisture sensor"),
                            ("frost", "frost point (over ice)"),
                            ("dew", "dew point (over water)"),
                        ],
                        default="",
                        max_length=8,
                    ),
                ),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="gauges", to="lots.site"
                    ),
                ),
                (
                    "zone",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sensors",
                        to="lots.zone",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("site", "code"), name="gauge_code_per_site")],
            },
        ),
        migrations.CreateModel(
            name="Calibration",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("calibrated_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("passed", models.BooleanField()),
                ("certificate", models.CharField(max_length=100)),
                (
                    "recorded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "gauge",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="calibrations",
                        to="lots.gauge",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("due_at__gt", models.F("calibrated_at"))),
                        name="calibration_due_after",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="HoldLot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("from_mm", models.BigIntegerField(blank=True, null=True)),
                ("to_mm", models.BigIntegerField(blank=True, null=True)),
                ("disposition_id", models.BigIntegerField(blank=True, null=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "hold",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="members", to="lots.hold"
                    ),
                ),
                (
                    "inherited_from",
                    lots.fields.LotRef(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="lots.lot",
                    ),
                ),
                (
                    "lot",
                    lots.fields.LotRef(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="hold_members",
                        to="lots.lot",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("disposition_id__isnull", True)),
                        fields=["lot"],
                        name="hold_lot_active",
                    ),
                    models.Index(fields=["disposition_id"], name="hold_lot_by_disposition"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("hold", "lot", "from_mm", "to_mm"), name="hold_lot_once", nulls_distinct=False
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", True), ("disposition_id__isnull", True)),
                            models.Q(("closed_at__isnull", False), ("disposition_id__isnull", False)),
                            _connector="OR",
                        ),
                        name="hold_lot_closed_by_disposition",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("from_mm__isnull", True), ("to_mm__isnull", True)),
                            models.Q(("from_mm__gte", 0), ("to_mm__gt", models.F("from_mm"))),
                            _connector="OR",
                        ),
                        name="hold_lot_interval_whole",
                    ),
                ],
            },
        ),
        run_sql_file(__file__, "measurement"),
    ]
