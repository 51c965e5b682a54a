"""The errors that a user can cause, each with one clear message.

The command line turns a :class:`TlsfindError` into that message and exit status 2.
"""

from __future__ import annotations


class TlsfindError(Exception):
    """Wrong input: the message says what was found, what was expected and where."""


class ConfigError(TlsfindError):
    """A config file with wrong, missing or senseless keys."""


class InputError(TlsfindError):
    """A file that cannot be read, or whose content does not fit."""


class DamagedError(InputError):
    """A file of a run that is empty, cut off or damaged, and has to be made again.

    The command line adds what to do.
    """


class TrainingError(TlsfindError):
    """Too little, or unusable, data to train a model."""
