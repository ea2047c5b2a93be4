"""The versions that a result may depend on."""

from __future__ import annotations

import importlib.metadata
import platform

import tbgrad

_PACKAGES = ("tensorflow", "keras", "numpy", "tensorboard")


def versions() -> dict[str, str]:
    """The versions that a result may depend on."""
    found = {package: importlib.metadata.version(package) for package in _PACKAGES}
    return {"tbgrad": tbgrad.__version__, "python": platform.python_version(), **found}
