"""Arrays to pictures."""

from __future__ import annotations
