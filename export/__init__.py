"""The deployment tool: artifacts that run without tfgen, proved in each runtime.

    tfgen-export make RUN --to DIR          an artifact of a trained run, a .keras or a shipped model
    tfgen-export verify DIR                 what each runtime makes of it
    tfgen-export serve DIR                  REST and gRPC, by the Open Inference Protocol
    tfgen-export page DIR --to SITE         a static page that runs it in the browser

It is installed as `tfgen_export`; in a checkout `python -m export` is the same. It imports tfgen,
never the reverse.
"""
