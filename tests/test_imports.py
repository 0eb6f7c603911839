"""The direction of imports: config -> dashboard -> fleet's surface -> models and engine."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# package -> what it may never import (prefixes); the longest package name counts.
FORBIDDEN = {
    "config": (),
    "dashboard": ("config", "fleet.engine", "fleet.jobs.tasks", "fleet.watch", "docker", "celery"),
    # Who asks something outside does it through fleet.outbound, which keeps to the policy.
    "fleet": (
        "config", "dashboard", "docker", "aiohttp", "asyncssh", "ninja",
        "http.client", "urllib.request", "urllib3", "requests", "httpx",
    ),
    "fleet.models": (
        "fleet.access", "fleet.operations", "fleet.jobs", "fleet.watch", "fleet.engine",
    ),
    "fleet.reach": (
        "fleet.access", "fleet.operations", "fleet.jobs", "fleet.watch", "fleet.engine",
    ),
    "fleet.access": ("fleet.operations", "fleet.jobs", "fleet.watch", "fleet.engine"),
    "fleet.outbound": (
        "config", "dashboard", "django.db", "fleet.models", "fleet.access", "fleet.operations",
        "fleet.jobs", "fleet.engine", "fleet.registries",
    ),
    "fleet.registries": (
        "config", "dashboard", "django.db", "fleet.models", "fleet.access", "fleet.operations",
        "fleet.jobs", "fleet.engine", "docker", "http.client", "urllib.request", "urllib3",
        "requests", "aiohttp", "socket",
    ),
    "fleet.triggers": (
        "config", "dashboard", "django.db", "fleet.models", "fleet.access", "fleet.operations",
        "fleet.jobs", "fleet.engine", "docker", "http.client", "urllib.request", "urllib3",
        "requests", "aiohttp", "socket",
    ),
    "fleet.engine": (
        "config", "dashboard", "django.db", "django.conf", "fleet.models", "fleet.access",
        "fleet.operations", "fleet.jobs", "fleet.watch", "fleet.publish", "fleet.selectors",
    ),
}  # fmt: skip
HTTP = ("django.http", "django.shortcuts", "django.template", "django.urls")


def modules(package: str) -> Iterator[tuple[str, Path]]:
    """Yield (dotted name, path) of every module below a top package."""
    for path in (ROOT / package).rglob("*.py"):
        if "migrations" not in path.parts:
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts).removesuffix(".__init__"), path


def imports(path: Path) -> Iterator[str]:
    """Yield what a file imports when it runs, also inside of functions; not for types only."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rule_of(module: str) -> tuple[str, ...]:
    """Return what a module may not import."""
    for package in sorted(FORBIDDEN, key=len, reverse=True):
        if f"{module}.".startswith(f"{package}."):
            return FORBIDDEN[package]
    return ()


def wrong_arrows(package: str) -> list[str]:
    """Return every forbidden import below a package, as `module imports name`."""
    found = []
    for module, path in modules(package):
        forbidden = rule_of(module) + (HTTP if package == "fleet" else ())
        for name in imports(path):
            if any(f"{name}.".startswith(f"{prefix}.") for prefix in forbidden):
                found.append(f"{module} imports {name}")
    return found


@pytest.mark.parametrize("package", ["config", "dashboard", "fleet"])
def test_it_keeps_the_direction_of_imports(package: str) -> None:
    assert wrong_arrows(package) == []


def test_it_sees_a_wrong_arrow(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def f():\n    from fleet.engine import client\n")
    assert list(imports(wrong)) == ["fleet.engine.client"]


def test_answers_are_streamed_in_one_place() -> None:
    """Another one would forget that Django packs each piece of a stream by itself."""
    name = "django.http.StreamingHttpResponse"
    streams = [module for module, path in modules("dashboard") if name in imports(path)]
    assert streams == ["dashboard.downloads"]
