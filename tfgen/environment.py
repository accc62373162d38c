"""What tfgen asks of Keras: its TensorFlow backend, channels last, float32."""

import contextlib
import gc
import os
from collections.abc import Iterator

from tfgen.errors import InputError


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Context for imports: they make a million objects and no garbage, and looking for it takes a sixth of
    their time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def check_backend():
    """Raises an InputError for a Keras on another backend, before Keras is imported if a variable says so."""
    backend = os.environ.get("KERAS_BACKEND") or None
    if backend in (None, "tensorflow"):
        import keras

        backend = keras.config.backend()
    if backend != "tensorflow":
        raise InputError(
            f"tfgen needs Keras on TensorFlow; received the backend {backend!r}: set "
            f"KERAS_BACKEND=tensorflow before Python starts (or in ~/.keras/keras.json)"
        )


def check_settings():
    """Raises an InputError for settings of Keras with which no model can be built."""
    import keras

    for setting, wanted in (("image_data_format", "channels_last"), ("floatx", "float32")):
        value = getattr(keras.config, setting)()
        if value != wanted:
            raise InputError(f"tfgen needs keras.config.set_{setting}({wanted!r}); received {value!r}")
