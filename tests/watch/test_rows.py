"""Rows from what engines say, however strange it is."""

from __future__ import annotations

import pytest

from fleet.models import Container, Host
from fleet.watch.rows import SEARCH_LIMIT, clean, row_values, search_text
from fleet.watch.writer import Batch, save_batch
from tests.watch.conftest import facts_of


def test_it_searches_names_image_id_stack_host_and_own_labels() -> None:
    labels = {"com.docker.stack.namespace": "shop", "team": "Blue", "com.docker.x": "tool"}
    text = search_text(facts_of(10, labels=labels, compose_service="Front"), "Stage-1")
    for word in ("web-10", "lab/busybox:1", "0" * 12, "shop", "team=blue", "front", "stage-1"):
        assert word in text
    assert "tool" not in text
    assert text == text.lower()


def test_it_bounds_the_search_text() -> None:
    labels = {f"label-{number}": "x" * 100 for number in range(200)}
    assert len(search_text(facts_of(labels=labels), "host")) == SEARCH_LIMIT


def test_it_keeps_a_large_label_out_of_the_search() -> None:
    assert "xxx" not in search_text(facts_of(labels={"big": "x" * 65536}), "host")


@pytest.mark.parametrize(
    "labels",
    [{"app.db.password": "hunter2"}, {"backup.url": "https://joe:hunter2@files"}],
    ids=["by its name", "in an address"],
)
def test_it_keeps_what_pages_hide_out_of_the_search(labels: dict[str, str]) -> None:
    text = search_text(facts_of(labels={**labels, "team": "blue"}), "host")
    assert "hunter2" not in text
    assert "team=blue" in text


def test_it_takes_the_stack_of_a_swarm_from_its_label() -> None:
    values = row_values(facts_of(labels={"com.docker.stack.namespace": "shop"}), "host")
    assert values["swarm_stack"] == "shop"


def test_it_names_a_nameless_container_by_its_id() -> None:
    assert row_values(facts_of(name=""), "host")["name"] == "0" * 12


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\0b", "a\ufffdb"), ("é\0", "é\ufffd"), ("half \ud83d pair", "half ? pair"), ("🚢", "🚢")],
)
def test_it_frees_text_of_what_databases_refuse(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize("code", [3221225786, -(2**40), 0, 137])
def test_it_keeps_exit_codes_within_the_column(code: int) -> None:
    assert abs(row_values(facts_of(exit_code=code), "host")["exit_code"]) < 2**31


def test_it_stores_and_returns_the_strangest_container(host: Host) -> None:
    strange = facts_of(
        name="<script>alert(1)</script>" * 20,
        image="i" * 2000,
        command="c" * 100_000,
        labels={"big": "x" * 65536, "nul\0": "\0", "half": "\ud83d", "<b>": "'\";--"},
        compose_project="p" * 500,
        restart_count=2**40,
    )
    save_batch(host.id, 1, host.name, Batch([strange]))
    row = Container.objects.get()
    assert row.labels["big"] == "x" * 65536
    assert row.labels["<b>"] == "'\";--"
    assert row.name.startswith("<script>") and len(row.name) == 255


def test_it_does_not_rewrite_a_strange_container_that_did_not_change(host: Host) -> None:
    strange = facts_of(labels={"nul\0": "\0"}, image="i" * 2000, name="n" * 300)
    save_batch(host.id, 1, host.name, Batch([strange]))
    assert save_batch(host.id, 1, host.name, Batch([strange])).changed == []
