"""The version of the package, which is heed's."""

__version__ = "0.1.0"
