"""The deployment tool: artifacts that run without tfgen, proved in each runtime.

    python -m export RUN --to DIR           an artifact of a trained run
    python -m export verify DIR             what each runtime makes of it
    python -m export serve DIR              REST and gRPC, by the Open Inference Protocol
    python -m export page DIR --to SITE     a static page that runs it in the browser

It works from a checkout of the repository and imports tfgen, never the reverse.
"""

import tfgen  # noqa: F401  # as the command line's: here sys.argv says -m, and it imports no TensorFlow
