"""What the tests of event files share."""

import pytest

from tbgrad.events import decoding
from tbgrad.events.scanning import Block


@pytest.fixture
def parts(monkeypatch):
    """Counts what a file was read in."""
    counted = {"blocks": 0, "events": 0}
    scan = decoding.scan

    def counting(*given):
        for part in scan(*given):
            counted["blocks" if isinstance(part, Block) else "events"] += 1
            yield part

    monkeypatch.setattr(decoding, "scan", counting)
    return counted
