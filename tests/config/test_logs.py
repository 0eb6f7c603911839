"""Logs tell where something broke, and never what was in the variables there."""

from __future__ import annotations

import logging

import pytest
import structlog

from config.logs import setup_logs


def test_it_never_logs_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        setup_logs("INFO", colours=False)
        secret = "hunter" + "2"
        try:
            raise ValueError(f"of {len(secret)} letters")
        except ValueError:
            structlog.get_logger("tests").exception("it_broke")
        told = capsys.readouterr().err
    finally:
        root.handlers[:], root.level = handlers, level
    assert "it_broke" in told
    assert "ValueError: of 7 letters" in told
    assert "hunter2" not in told
