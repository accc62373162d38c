"""tfgen: generative models for TensorFlow and Keras, one paper a file."""

import importlib
import sys
from pathlib import Path

from tfgen import onednn
from tfgen.errors import InputError
from tfgen.version import __version__

_MODULES = (
    *("analysis", "data", "doctor", "errors", "export", "fields", "layers", "losses", "metrics", "models"),
    *("networks", "pictures", "priors", "random", "runs"),
)
# Of tfgen.analysis, by short names.
_ANALYSIS = ("blending", "editing", "latent", "motion", "probe", "search", "supervised")
__all__ = ["InputError", "__version__", "load", "shipped", *_MODULES, *_ANALYSIS]


def _command_line():
    """Whether this process is one of our own commands, which import TensorFlow no sooner than they must."""
    if Path(sys.argv[0] if sys.argv else "").name in ("tfgen", "tfgen-export"):
        return True
    given = getattr(sys, "orig_argv", [])
    module = given[given.index("-m") + 1] if "-m" in given[:-1] else ""
    return module.split(".")[0] in ("tfgen", "export", "tfgen_export")


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"tfgen.{name}")
    if name in _ANALYSIS:
        return importlib.import_module(f"tfgen.analysis.{name}")
    if name in ("load", "shipped"):
        return getattr(importlib.import_module("tfgen.loading"), name)
    raise AttributeError(f"module 'tfgen' has no attribute {name!r}")


def __dir__():
    return __all__


onednn.turn_on()
if not _command_line():
    environment = importlib.import_module("tfgen.environment")
    with environment.importing():
        environment.check_backend()
        # `keras.models.load_model` needs every model registered with Keras, after `import tfgen` alone.
        importlib.import_module("tfgen.models").load_all()
