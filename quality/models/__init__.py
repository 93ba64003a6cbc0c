from quality.models.acceptance import AcceptanceDecision, AcceptancePlan
from quality.models.case import CaseEntry, CasePhoto
from quality.models.containment import ContainmentChange
from quality.models.control_plan import ControlPlan, ControlPlanLine, ControlPlanRevision, WorkOrderPlan
from quality.models.disposition import Disposition, DispositionItem, Signature
from quality.models.gauge_study import GaugeReading, GaugeStudy, GaugeVerdict
from quality.models.incoming import CertificateItem, IncomingRule
from quality.models.judgement import Defect, Judgement, Nonconformance, ReactionFiring
from quality.models.named_gate import Deviation, DeviationSignature, GateCode, NamedGate
from quality.models.package import EvidencePackage, PackageBuild, PackageIssue, PackageProgress
from quality.models.process_window import ProcessWindow
from quality.models.reaction import StreamStop, Tightening
from quality.models.release import Release
from quality.models.requirement import (
    Requirement,
    RequirementRevision,
    SourceType,
    Specification,
    SpecificationDraft,
    SpecificationLine,
)
from quality.models.safety import (
    FailureMode,
    Hazard,
    Observable,
    ObservableMode,
    SafetyCriterion,
    SafetyMethod,
    SafetyRecord,
    SafetyResult,
    SafetySetAside,
)
from quality.models.sampling import SamplingEvent
from quality.models.shelf_life import ExtensionApproval, RetestValue, ShelfLifeExtension
from quality.models.shift_check import ShiftCheck, ZoneRule
from quality.models.spike import HumiditySpike, SpikeLot, TightenedLimits
from quality.models.traceability import Baseline, ReadinessAudit, Recheck

__all__ = [
    "AcceptanceDecision",
    "AcceptancePlan",
    "Baseline",
    "CaseEntry",
    "CasePhoto",
    "CertificateItem",
    "ContainmentChange",
    "ControlPlan",
    "ControlPlanLine",
    "ControlPlanRevision",
    "Defect",
    "Deviation",
    "DeviationSignature",
    "Disposition",
    "DispositionItem",
    "EvidencePackage",
    "ExtensionApproval",
    "FailureMode",
    "GateCode",
    "GaugeReading",
    "GaugeStudy",
    "GaugeVerdict",
    "Hazard",
    "HumiditySpike",
    "IncomingRule",
    "Judgement",
    "NamedGate",
    "Nonconformance",
    "Observable",
    "ObservableMode",
    "PackageBuild",
    "PackageIssue",
    "PackageProgress",
    "ProcessWindow",
    "ReactionFiring",
    "ReadinessAudit",
    "Recheck",
    "Release",
    "Requirement",
    "RequirementRevision",
    "RetestValue",
    "SafetyCriterion",
    "SafetyMethod",
    "SafetyRecord",
    "SafetyResult",
    "SafetySetAside",
    "SamplingEvent",
    "ShelfLifeExtension",
    "ShiftCheck",
    "Signature",
    "SourceType",
    "Specification",
    "SpecificationDraft",
    "SpecificationLine",
    "SpikeLot",
    "StreamStop",
    "TightenedLimits",
    "Tightening",
    "WorkOrderPlan",
    "ZoneRule",
]
