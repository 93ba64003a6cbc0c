"""The audit trail: written by triggers, chained by hash per lot, zone or site, never by application code."""

from __future__ import annotations

from django.db import models


class AuditChain(models.Model):
    """The head of one chain. Its row lock orders the events of that chain."""

    key = models.CharField(max_length=64, primary_key=True)
    length = models.BigIntegerField()
    head = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return self.key


class AuditEvent(models.Model):
    """One change. `hash` = SHA-256(previous hash ‖ canonical text); `payload` is the row as text, verbatim."""

    chain = models.CharField(max_length=64)
    sequence = models.BigIntegerField()
    at = models.DateTimeField(help_text="Real time, also on simulated sites.")
    actor = models.CharField(max_length=150)
    database_role = models.CharField(max_length=64)
    operation = models.CharField(max_length=8)
    table_name = models.CharField(max_length=64)
    row_id = models.CharField(max_length=64)
    payload = models.TextField()
    previous_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("chain", "sequence"), name="audit_event_once"),)
        indexes = (models.Index(fields=("table_name", "row_id"), name="audit_event_by_row"),)

    def __str__(self) -> str:
        return f"{self.chain}/{self.sequence} {self.operation} {self.table_name}"
