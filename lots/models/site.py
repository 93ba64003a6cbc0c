"""Sites, their clock and shifts, the people who work there."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person or a machine account. Names are printed on signatures; accounts are disabled, never deleted."""

    @property
    def printed_name(self) -> str:
        return self.get_full_name() or self.username


class Site(models.Model):
    """One plant. Only a simulated site may shift its clock; a trigger refuses to switch `simulated`."""

    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=100)
    time_zone = models.CharField(max_length=64)
    production_day_starts = models.TimeField(help_text="Local time at which the production day begins.")
    simulated = models.BooleanField()
    clock_offset_s = models.FloatField(
        default=0.0, help_text="Seconds added to real time; simulated sites only."
    )
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="site_clock_only_simulated",
                condition=models.Q(simulated=True) | models.Q(clock_offset_s=0.0),
            ),
        )

    def __str__(self) -> str:
        return self.code


class Shift(models.Model):
    """A shift of the site's calendar, in local time; one that ends before it starts crosses midnight."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="shifts")
    name = models.CharField(max_length=32)
    starts = models.TimeField()
    ends = models.TimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("site", "name"), name="shift_name_per_site"),)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """What a user may do at a site."""

    class Role(models.TextChoices):
        OPERATOR = "operator", "Operator"
        QUALITY_ENGINEER = "quality_engineer", "Quality engineer"
        PROCESS_ENGINEER = "process_engineer", "Process engineer"
        REVIEWER = "reviewer", "Reviewer"
        ADMINISTRATOR = "administrator", "Administrator"
        EQUIPMENT = "equipment", "Equipment"
        AUDITOR = "auditor", "Auditor"

    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    site = models.ForeignKey(Site, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "site", "role"), name="membership_once"),
            models.CheckConstraint(
                name="membership_role_known",
                condition=models.Q(
                    role__in=[
                        "operator",
                        "quality_engineer",
                        "process_engineer",
                        "reviewer",
                        "administrator",
                        "equipment",
                        "auditor",
                    ]
                ),
            ),
        )

    def __str__(self) -> str:
        return f"{self.user} {self.role} at {self.site}"


class Source(models.Model):
    """A door that submits: a terminal, a machine, an importer. Idempotency keys are unique per source."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="sources")
    code = models.CharField(max_length=64)
    name = models.CharField(max_length=100)
    user = models.ForeignKey(User, models.PROTECT, related_name="sources")
    key_hash = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the API key; the key is shown once."
    )
    key_expires_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("site", "code"), name="source_code_per_site"),
            models.UniqueConstraint(
                fields=("key_hash",), name="source_key_once", condition=~models.Q(key_hash="")
            ),
        )

    def __str__(self) -> str:
        return self.code
