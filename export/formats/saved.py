"""What converters read: a SavedModel of one signature alone."""

import importlib
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from tfgen.errors import InputError


@contextmanager
def saved(signature):
    """A folder, for the time of the block, with the SavedModel of one signature."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = list(signature.weights.values())
    module.function = signature.function
    with TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={signature.name: signature.served})
        yield folder


def imported(name):
    """The module of a runtime; an InputError that says how to install it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        package = name.partition(".")[0]
        raise InputError(f"{package} is not installed; pip install 'tfgen[runtimes]'") from None
