from lots.models.audit import AuditChain, AuditEvent
from lots.models.curve import CurveFile
from lots.models.equipment import Calibration, Equipment, Gauge, Zone
from lots.models.genealogy import GenealogyLink
from lots.models.hold import Hold, HoldLot
from lots.models.lot import GateDecision, Lot, LotAlias, Movement, OpenInterval, StepExecution
from lots.models.measurement import IdempotencyKey, Measurement, Submission, Supersession
from lots.models.product import (
    Characteristic,
    MaterialDefinition,
    ProcessStep,
    Product,
    ProductRevision,
    Recipe,
    RecipeParameter,
    RecipeRevision,
    Route,
    RouteStep,
    WorkOrder,
    WorkOrderRecipe,
)
from lots.models.receipt import CertificateValue, Opening, Receipt
from lots.models.site import Membership, Shift, Site, Source, User

__all__ = [
    "AuditChain",
    "AuditEvent",
    "Calibration",
    "CertificateValue",
    "Characteristic",
    "CurveFile",
    "Equipment",
    "GateDecision",
    "Gauge",
    "GenealogyLink",
    "Hold",
    "HoldLot",
    "IdempotencyKey",
    "Lot",
    "LotAlias",
    "MaterialDefinition",
    "Measurement",
    "Membership",
    "Movement",
    "OpenInterval",
    "Opening",
    "ProcessStep",
    "Product",
    "ProductRevision",
    "Receipt",
    "Recipe",
    "RecipeParameter",
    "RecipeRevision",
    "Route",
    "RouteStep",
    "Shift",
    "Site",
    "Source",
    "StepExecution",
    "Submission",
    "Supersession",
    "User",
    "WorkOrder",
    "WorkOrderRecipe",
    "Zone",
]
