"""The mean over parts of the data, and its derivatives, in the memory of one part.

TensorFlow's own gradient of a loop keeps what each pass computed until the way back. The derivative of a mean is the
mean of the derivatives: each is computed within one pass, and so are the derivatives of these.

This module must not import TensorFlow before it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# What the loop is called in TensorFlow's graph.
LOOP = "batches"
# Computes something of some samples: those from the first number on, as many as the second says; and of more tensors.
OfSamples = Callable[..., Any]


def mean_over_batches(compute: OfSamples, samples: int, batch: int, *inputs: Any, shape: tuple[int, ...] = ()) -> Any:
    """Computes a mean over batches, weighted by their sizes, inside a compiled program.

    Args:
      compute: takes the number of the first sample, an int32 tensor, the number of samples, an int, and `inputs`, and
        returns a tensor of the inputs' dtype, differentiable by them as often as is asked for.
      samples: how many there are.
      batch: in each batch; the last one may have fewer.
      inputs: tensors of one floating dtype, of known shapes.
      shape: of what `compute` returns.

    Returns:
      A tensor as `compute` returns it, differentiable by the inputs.
    """
    import tensorflow as tf

    whole, rest = divmod(samples, batch)

    @tf.custom_gradient
    def mean(*inputs: Any) -> Any:
        def passed(k: Any, total: Any) -> Any:
            return k + 1, total + _share(compute(k * batch, batch, *inputs), batch, samples)

        begin = tf.constant(0), tf.zeros(shape, inputs[0].dtype)
        _, total = tf.while_loop(lambda k, _: k < whole, passed, begin, parallel_iterations=1, name=LOOP)
        if rest:
            total += _share(compute(tf.constant(whole * batch), rest, *inputs), rest, samples)

        def gradient(upstream: Any) -> Any:
            def of_samples(first: Any, count: int, upstream: Any, *inputs: Any) -> Any:
                with tf.GradientTape() as tape:
                    tape.watch(inputs)
                    found = compute(first, count, *inputs)
                partials = tape.gradient(found, inputs, output_gradients=upstream, unconnected_gradients="zero")
                return tf.concat([tf.reshape(partial, [-1]) for partial in partials], axis=0)

            sizes = [x.shape.num_elements() for x in (upstream, *inputs)]
            flat = mean_over_batches(of_samples, samples, batch, upstream, *inputs, shape=(sum(sizes[1:]),))
            parts = zip(tf.split(flat, sizes[1:]), inputs, strict=True)
            partials = [tf.reshape(part, x.shape) for part, x in parts]
            return partials if len(partials) > 1 else partials[0]

        return total, gradient

    return mean(*inputs)


def _share(found: Any, count: int, samples: int) -> Any:
    return found * (count / samples)
