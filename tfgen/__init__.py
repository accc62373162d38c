"""tfgen: generative models for TensorFlow, one paper a file."""

import sys
from pathlib import Path

__version__ = "0.1.0"

# `keras.models.load_model` needs every model registered, so importing tfgen imports them;
# only the command line imports TensorFlow no sooner than it must: `tfgen list` is instant.
if Path(sys.argv[0] if sys.argv else "").stem not in ("tfgen", "-m"):
    from tfgen import data, export, latent, metrics, models, probe, random, supervised
    from tfgen.export import load

    models.load_all()
