"""What all tests share. Nothing here is random but by a seed."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import pytest


def pytest_addoption(parser):
    parser.addoption("--write-references", action="store_true", help="Write the reference pictures, do not compare.")


@pytest.fixture
def logdir(tmp_path, monkeypatch):
    """A log directory of this test's own, and no variable of the surroundings that names another."""
    monkeypatch.delenv("TBGRAD_LOGDIR", raising=False)
    return tmp_path / "logs"
