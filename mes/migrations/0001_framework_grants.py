"""What the application's role needs on tables of Django and axes: sessions and sign-in attempts end."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("sessions", "0001_initial"),
        ("axes", "0010_accessattemptexpiration"),
        ("lots", "0002_guards_and_audit"),
    ]

    operations = [
        migrations.RunSQL(
            sql="""
                GRANT SELECT, INSERT, UPDATE, DELETE
                    ON django_session, axes_accessattempt, axes_accessattemptexpiration TO halite_app;
                GRANT UPDATE (logout_time) ON axes_accesslog TO halite_app;
                REVOKE INSERT ON django_migrations FROM halite_app;
            """,
            reverse_sql="""
                REVOKE UPDATE, DELETE
                    ON django_session, axes_accessattempt, axes_accessattemptexpiration FROM halite_app;
                REVOKE UPDATE (logout_time) ON axes_accesslog FROM halite_app;
                GRANT INSERT ON django_migrations TO halite_app;
            """,
        )
    ]
