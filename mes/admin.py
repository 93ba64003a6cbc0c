"""The optional admin (HALITE_ADMIN=1): people and their roles may be edited; material and evidence only looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from lots.models import AuditEvent, GenealogyLink, Hold, HoldLot, Lot, Membership, Movement, User


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Nothing is added, changed or deleted here: material moves through gates, evidence through submissions."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AccountAdmin(UserAdmin):  # type: ignore[type-arg]
    """Accounts are disabled, never deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class MembershipAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("user", "site", "role", "retired_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


admin.site.register(User, AccountAdmin)
admin.site.register(Membership, MembershipAdmin)
admin.site.register([Lot, Hold, HoldLot, Movement, GenealogyLink, AuditEvent], LookOnly)
