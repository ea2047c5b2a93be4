"""Small Keras models for tests of training, and the oracle: the same training as an eager loop with a GradientTape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

layers = keras.layers
LOSS = keras.losses.SparseCategoricalCrossentropy
BATCH, FEATURES, CLASSES = 16, 7, 3


def data(batches: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    count = batches * BATCH
    return generator.normal(size=(count, FEATURES)).astype(np.float32), generator.integers(0, CLASSES, count)


def sequential() -> keras.Model:
    """Its weights do not exist before it sees data."""
    return keras.Sequential([layers.Dense(12, activation="relu"), layers.Dense(8, activation="tanh"), layers.Dense(3)])


def functional() -> keras.Model:
    x = keras.Input((FEATURES,))
    wide = layers.Dense(8, activation="relu")(x)
    out = layers.Dense(CLASSES)(layers.Concatenate()([wide, layers.LayerNormalization()(layers.Dense(4)(x))]))
    return keras.Model(x, out)


def shared() -> keras.Model:
    x = keras.Input((FEATURES,))
    again = layers.Dense(FEATURES, activation="relu", name="again")
    return keras.Model(x, layers.Dense(CLASSES)(again(again(x))))


def frozen() -> keras.Model:
    first = layers.Dense(12, activation="relu", name="frozen", trainable=False)
    return keras.Sequential([keras.Input((FEATURES,)), first, layers.Dense(CLASSES)])


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = layers.Dense(9, activation="relu"), layers.Dense(CLASSES)
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x):
        return self.scale * self.outer(self.inner(x))


class OwnStep(Subclassed):
    """Trains by a step of its own, which calls `optimizer.apply`."""

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


class OwnLoss(Subclassed):
    """The same with `apply_gradients`, and a loss that Keras does not know."""

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = LOSS(from_logits=True)(y, self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


MODELS = {
    "sequential": sequential,
    "functional": functional,
    "shared": shared,
    "frozen": frozen,
    "subclassed": Subclassed,
    "own step": OwnStep,
    "own loss": OwnLoss,
}


def made(make: Callable[[], keras.Model], optimizer: Callable[[], Any], **compiled: Any) -> keras.Model:
    keras.utils.set_random_seed(3)
    model = make()
    model.compile(optimizer(), LOSS(from_logits=True), **compiled)
    return model


def by_tape(model: keras.Model, x: np.ndarray, y: np.ndarray) -> list[dict[str, Any]]:
    """Trains a compiled model step by step, eagerly, and tells of each step what a tape says, by weight's path."""
    told, before = [], {}
    model(x[:1])
    optimizer = model.optimizer
    for i in range(0, len(x), BATCH):
        with tf.GradientTape() as tape:
            loss = LOSS(from_logits=True)(y[i : i + BATCH], model(x[i : i + BATCH], training=True))
        weights = model.trainable_variables
        gradients = {
            w.path: tf.convert_to_tensor(g).numpy().astype(np.float64)
            for w, g in zip(weights, tape.gradient(loss, [w.value for w in weights]), strict=True)
        }
        old = {w.path: w.numpy().astype(np.float64) for w in weights}
        rate = float(optimizer.learning_rate)
        optimizer.apply([tf.constant(g, w.dtype) for g, w in zip(gradients.values(), weights, strict=True)], weights)
        update = {w.path: w.numpy().astype(np.float64) - old[w.path] for w in weights}
        told.append({"loss": float(loss), "rate": rate, "gradient": gradients, "before": before, "old": old})
        told[-1]["update"], before = update, gradients
    return told
