"""Every error Sfumato raises on purpose, as one tree.

Messages complete the sentence "cannot <do what> '<file>': <place>: <promise broken>; <what to do or what is safe>".
The command line prints the message alone and exits with `exit_code`.
"""


class SfumatoError(Exception):
    """Base of all errors that Sfumato raises on purpose."""

    exit_code = 2


class InputError(SfumatoError):
    """The file to encode cannot be read as what it should be."""


class OutputError(SfumatoError):
    """The result cannot be written where it should go."""


class SettingsError(SfumatoError, ValueError):
    """A setting is outside its range or contradicts another one."""


class BudgetError(SfumatoError, ValueError):
    """A budget cannot be understood or is too small to hold the base level."""


class CheckpointError(SfumatoError):
    """A checkpoint is missing, damaged or belongs to another fit."""


class FormatError(SfumatoError):
    """An `.sfu` file breaks a promise of docs/format.md."""


class SignatureError(FormatError):
    """The first eight bytes are not those of an `.sfu` file."""


class TruncatedError(FormatError):
    """The bytes end inside a chunk, or before the first complete picture."""


class ChecksumError(FormatError):
    """The CRC-32C of a chunk differs from the one stored with it."""


class ChunkError(FormatError):
    """A chunk's contents contradict its own header, HEAD or the chunks before it."""


class LimitError(FormatError):
    """A declared size or count is beyond the caps that protect memory."""


class UnsupportedError(FormatError):
    """The file needs a newer reader: unknown version, medium or critical chunk kind."""


class NetworkError(SfumatoError):
    """A server cannot be reached, breaks off for good, or does not answer as a server of files does."""


class ChangedError(NetworkError):
    """The file on the server is no longer the one whose beginning was fetched."""
