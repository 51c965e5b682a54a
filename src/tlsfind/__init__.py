"""Find tunnelling two-level systems in computer glasses."""

__version__ = "0.1.0"
