"""Release: the signed statement that a lot may leave, with the content that was signed."""

from __future__ import annotations

from django.db import models

from lots.fields import LotRef
from lots.models import Site, User
from quality.models.disposition import Signature


class Release(models.Model):
    """A lot was released under a signature; `content` is what was signed, verbatim. Append-only.

    The latest release of a lot counts while nothing has held the lot since.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="releases")
    lot = LotRef(related_name="releases")
    number = models.PositiveIntegerField(help_text="Of the certificate, counted per site.")
    content = models.JSONField()
    last_hold_member = models.BigIntegerField(
        default=0,
        help_text="Key of the newest hold of the lot when it was signed; a newer one ends the release.",
    )
    released_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    released_at = models.DateTimeField(help_text="Site clock.")
    signature = models.OneToOneField(Signature, models.PROTECT, related_name="release")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("site", "number"), name="release_number_per_site"),)
        indexes = (models.Index(fields=("lot", "-id"), name="release_by_lot"),)

    @property
    def certificate(self) -> str:
        """The number on the certificate of conformity."""
        return f"COC-{self.site.code}-{self.number:06d}"

    def __str__(self) -> str:
        return f"{self.lot} released"
