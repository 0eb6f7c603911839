"""Rows that we own, and snapshots of the engines' truth."""

from __future__ import annotations

from fleet.models.audit import AuditEntry, AuditResult
from fleet.models.builds import Build, BuildRun, BuildSource, Deploy
from fleet.models.containers import Container, ContainerState, Health
from fleet.models.events import Event
from fleet.models.hosts import Environment, Host, HostState
from fleet.models.image_updates import ImageUpdate
from fleet.models.images import Image
from fleet.models.jobs import ENDED_STATES, OPEN_STATES, Job, JobLine, JobParts, JobState, LineLevel
from fleet.models.people import ApiToken, Grant, Role, Scope, Team, User
from fleet.models.registries import Registry, RegistryKind
from fleet.models.releases import RunStage, StageJob, StageKind, StageState
from fleet.models.saved_filters import SavedFilter
from fleet.models.scans import (
    Advisory,
    FindingKind,
    Looked,
    Package,
    Scan,
    ScanDocument,
    ScanFinding,
    ScanPackage,
    ScanVulnerability,
    Severity,
)
from fleet.models.setup import SetupToken
from fleet.models.triggers import (
    BuildSchedule,
    DeliveryResult,
    Webhook,
    WebhookDelivery,
    WebhookKind,
    WebhookMemory,
)
from fleet.models.usage import UsageBlock, UsageFrame, UsageNow

__all__ = [
    "ENDED_STATES",
    "OPEN_STATES",
    "Advisory",
    "ApiToken",
    "AuditEntry",
    "AuditResult",
    "Build",
    "BuildRun",
    "BuildSchedule",
    "BuildSource",
    "Container",
    "ContainerState",
    "DeliveryResult",
    "Deploy",
    "Environment",
    "Event",
    "FindingKind",
    "Grant",
    "Health",
    "Host",
    "HostState",
    "Image",
    "ImageUpdate",
    "Job",
    "JobLine",
    "JobParts",
    "JobState",
    "LineLevel",
    "Looked",
    "Package",
    "Registry",
    "RegistryKind",
    "Role",
    "RunStage",
    "SavedFilter",
    "Scan",
    "ScanDocument",
    "ScanFinding",
    "ScanPackage",
    "ScanVulnerability",
    "Scope",
    "SetupToken",
    "Severity",
    "StageJob",
    "StageKind",
    "StageState",
    "Team",
    "UsageBlock",
    "UsageFrame",
    "UsageNow",
    "User",
    "Webhook",
    "WebhookDelivery",
    "WebhookKind",
    "WebhookMemory",
]
