"""Signatures behind a server of the Open Inference Protocol.

A model repository has a copy of this package, so it imports nothing of tfgen.
"""
