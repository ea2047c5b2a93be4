"""Networks that benchmarks train, with at least a million weights."""

from __future__ import annotations

import keras
import numpy as np


def convolutional() -> tuple[keras.Model, np.ndarray]:
    """1.3 M weights on pictures of 32 × 32."""
    layers = [keras.layers.Input((32, 32, 3))]
    for filters in (32, 64, 128):
        layers += [keras.layers.Conv2D(filters, 3, padding="same", activation="relu"), keras.layers.MaxPooling2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(576, activation="relu"), keras.layers.Dense(10)]
    return keras.Sequential(layers), np.random.default_rng(0).normal(size=(1000, 32, 32, 3)).astype(np.float32)


def transformer() -> tuple[keras.Model, np.ndarray]:
    """1.3 M weights: six blocks of width 128 on 64 tokens."""
    tokens = keras.Input((64,), dtype="int32")
    x = keras.layers.Embedding(1000, 128)(tokens)
    for _ in range(6):
        normed = keras.layers.LayerNormalization()(x)
        x = x + keras.layers.MultiHeadAttention(4, 32)(normed, normed)
        within = keras.layers.Dense(512, activation="gelu")(keras.layers.LayerNormalization()(x))
        x = x + keras.layers.Dense(128)(within)
    out = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling1D()(x))
    return keras.Model(tokens, out), np.random.default_rng(0).integers(0, 1000, (1000, 64)).astype(np.int32)


# With the batch of each.
MODELS = {"convolutional": (convolutional, 64), "transformer": (transformer, 16)}
