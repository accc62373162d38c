"""The version of the package, alone, so that nothing is imported for it."""

__version__ = "0.2.0"
