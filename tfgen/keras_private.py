"""The few private parts of Keras and TensorFlow that tfgen needs, in one place."""

import contextlib
import weakref

from tensorflow.python.framework import ops


def forget_layer(owner, name):
    """Deletes the layer that `owner` keeps under that name; Keras alone would go on tracking it."""
    owner._tracker.untrack(getattr(owner, name))
    object.__delattr__(owner, name)


@contextlib.contextmanager
def gradients_of(owner):
    """Custom gradients of functions that are traced inside go when `owner` does.

    TensorFlow keeps each for ever, and with it the traced graph and its variables: those of every model
    that was trained, for Keras' optimizers add up their gradients by an operation of a custom gradient.
    """
    registered = ops.gradient_registry._registry
    before = set(registered)
    try:
        yield
    finally:
        made = registered.keys() - before
        if made:
            weakref.finalize(owner, _forget, made).atexit = False


def _forget(names):
    for name in names:
        ops.gradient_registry._registry.pop(name, None)
