"""Every change, a file per noun. Importing this package fills the registry."""

from __future__ import annotations

from fleet.operations import containers, hosts
from fleet.operations.registry import REGISTRY, Operation, operations_on, words

__all__ = ["REGISTRY", "Operation", "containers", "hosts", "operations_on", "words"]
