"""Who may do what: the role × action matrix, as data."""

from __future__ import annotations

from enum import StrEnum

from lots.masters import remembered
from lots.models import Membership, Site, User

Role = Membership.Role


class Action(StrEnum):
    VIEW = "view"
    RECORD = "record measurements"
    RUN_STEP = "start and finish steps"
    PLACE_HOLD = "place a hold"
    CALIBRATE = "record calibrations"
    RECEIVE = "receive deliveries and open them"
    EXTEND_LIFE = "ask for a longer shelf life"
    APPROVE_EXTENSION = "sign a longer shelf life"
    CHECK_SHIFT = "answer shift checklists"
    PLAN_STUDY = "plan gauge studies"
    SIGN_STUDY = "sign gauge studies"
    CONTAIN = "widen or narrow a containment"
    DISPOSE = "dispose of held material"
    CORRECT = "correct measurements"
    CORRECT_INPUT = "correct what a lot was made from"
    EXCLUDE_POINT = "exclude points of a chart"
    WORK_CASE = "work on nonconformances"
    CLOSE_CASE = "close nonconformances"
    ACCEPT_LOT = "freeze and decide acceptance plans"
    RELEASE = "release lots"
    BUILD_PACKAGE = "build evidence packages"
    SIGN_PACKAGE = "sign evidence packages"
    SHIP = "pack and ship released lots"
    JUDGE_SIGNAL = "assign the cause of a signal"
    REQUEST_DEVIATION = "ask for deviations"
    SIGN_DEVIATION = "sign deviations"
    LIFT_STOP = "lift stops of a stream"
    END_TIGHTENING = "end tightened sampling"
    RESUME_SAMPLING = "resume discontinued acceptance sampling"
    FREEZE_LIMITS = "freeze control limits"
    EDIT_MASTERS = "edit products, recipes and specifications"
    RECHECK = "re-check links of revised requirements"
    APPROVE_BASELINE = "approve the requirements baseline"
    AUDIT = "run readiness audits"
    SAFETY = "write the safety chain"
    APPROVE_SPECIFICATION = "approve specifications"
    EDIT_PLAN = "draft control plans"
    APPROVE_PLAN = "approve control plans"
    PUBLISH_PLAN = "publish a control plan"
    IMPORT_FILE = "import instrument files"
    SET_CLOCK = "set the clock of a simulated site"
    MANAGE_USERS = "manage users"


MATRIX: dict[Action, frozenset[str]] = {
    Action.VIEW: frozenset(Role.values),
    Action.RECORD: frozenset({Role.OPERATOR, Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER, Role.EQUIPMENT}),
    Action.CORRECT: frozenset({Role.OPERATOR, Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER}),
    Action.CORRECT_INPUT: frozenset({Role.QUALITY_ENGINEER}),
    Action.EXCLUDE_POINT: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER}),
    Action.RUN_STEP: frozenset({Role.OPERATOR, Role.PROCESS_ENGINEER, Role.EQUIPMENT}),
    Action.PLACE_HOLD: frozenset({Role.OPERATOR, Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER}),
    Action.CALIBRATE: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER}),
    Action.RECEIVE: frozenset({Role.OPERATOR, Role.PROCESS_ENGINEER, Role.EQUIPMENT}),
    Action.EXTEND_LIFE: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER}),
    Action.APPROVE_EXTENSION: frozenset({Role.QUALITY_ENGINEER, Role.REVIEWER}),
    Action.CHECK_SHIFT: frozenset({Role.OPERATOR, Role.PROCESS_ENGINEER}),
    Action.PLAN_STUDY: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER}),
    Action.SIGN_STUDY: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER, Role.REVIEWER}),
    Action.CONTAIN: frozenset({Role.QUALITY_ENGINEER}),
    Action.DISPOSE: frozenset({Role.QUALITY_ENGINEER}),
    Action.WORK_CASE: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER}),
    Action.CLOSE_CASE: frozenset({Role.QUALITY_ENGINEER, Role.REVIEWER}),
    Action.ACCEPT_LOT: frozenset({Role.QUALITY_ENGINEER}),
    Action.RELEASE: frozenset({Role.QUALITY_ENGINEER, Role.REVIEWER}),
    Action.BUILD_PACKAGE: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER, Role.REVIEWER}),
    Action.SIGN_PACKAGE: frozenset({Role.QUALITY_ENGINEER, Role.REVIEWER}),
    Action.SHIP: frozenset({Role.OPERATOR, Role.QUALITY_ENGINEER}),
    Action.JUDGE_SIGNAL: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER}),
    Action.REQUEST_DEVIATION: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER}),
    Action.SIGN_DEVIATION: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER, Role.REVIEWER}),
    Action.LIFT_STOP: frozenset({Role.QUALITY_ENGINEER}),
    Action.END_TIGHTENING: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER}),
    Action.RESUME_SAMPLING: frozenset({Role.QUALITY_ENGINEER}),
    Action.FREEZE_LIMITS: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER}),
    Action.EDIT_MASTERS: frozenset({Role.PROCESS_ENGINEER}),
    Action.RECHECK: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER}),
    Action.APPROVE_BASELINE: frozenset({Role.QUALITY_ENGINEER, Role.REVIEWER}),
    Action.AUDIT: frozenset({Role.QUALITY_ENGINEER, Role.REVIEWER, Role.AUDITOR}),
    Action.APPROVE_SPECIFICATION: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER, Role.REVIEWER}),
    Action.SAFETY: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER}),
    Action.EDIT_PLAN: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER}),
    Action.APPROVE_PLAN: frozenset({Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER}),
    Action.PUBLISH_PLAN: frozenset({Role.PROCESS_ENGINEER}),
    Action.IMPORT_FILE: frozenset(
        {Role.OPERATOR, Role.QUALITY_ENGINEER, Role.PROCESS_ENGINEER, Role.EQUIPMENT}
    ),
    Action.SET_CLOCK: frozenset({Role.EQUIPMENT, Role.ADMINISTRATOR}),
    Action.MANAGE_USERS: frozenset({Role.ADMINISTRATOR}),
}


class NotPermitted(Exception):
    """The user's roles at the site do not allow the action."""


def roles_of(user: User, site: Site) -> frozenset[str]:
    """The user's current roles at the site; none for a disabled account."""
    return _roles(user.pk, site.pk) if user.is_active else frozenset()


@remembered(Membership)
def _roles(user_id: int, site_id: int) -> frozenset[str]:
    current = Membership.objects.filter(user=user_id, site=site_id, retired_at__isnull=True)
    return frozenset(current.values_list("role", flat=True))


def may(user: User, site: Site, action: Action) -> bool:
    return bool(MATRIX[action] & roles_of(user, site))


def require(user: User, site: Site, action: Action) -> None:
    """Raises NotPermitted, naming who could do it."""
    if not may(user, site, action):
        people = sorted(Role(role).label.lower() for role in MATRIX[action] - {Role.EQUIPMENT})
        needed = " or ".join(f"an {name}" if name[0] in "aeiou" else f"a {name}" for name in people)
        raise NotPermitted(f"{user.username} may not {action} at {site.code}; ask {needed}")
