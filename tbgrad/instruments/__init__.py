"""What is measured at each step of a descent. A new instrument is one file and one line here."""

from __future__ import annotations

from tbgrad.instruments.decrease_ratio import DECREASE_RATIO
from tbgrad.instruments.gradient_norm import GRADIENT_NORM
from tbgrad.instruments.update_norm import UPDATE_NORM

INSTRUMENTS = (GRADIENT_NORM, UPDATE_NORM, DECREASE_RATIO)
