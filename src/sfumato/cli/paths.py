"""Whether a result can be written, asked before the work begins."""

from __future__ import annotations

import os
import tempfile

from sfumato.errors import OutputError


def check_output(output: str, *inputs: str, suffixes: tuple[str, ...] = ()) -> None:
    """Refuse an output that cannot be written or would destroy an input; nothing is left behind.

    suffixes: the ones allowed, in lower case; empty for any.
    Raises: OutputError.
    """
    suffix = os.path.splitext(output)[1].lower()
    if suffixes and suffix not in suffixes:
        raise OutputError(f"cannot write '{output}': the suffix '{suffix}' is not one of {', '.join(suffixes)}")
    if os.path.isdir(output):
        raise OutputError(f"cannot write '{output}': it is a folder; name a file inside it")
    for source in inputs:
        if os.path.exists(output) and os.path.exists(source) and os.path.samefile(output, source):
            raise OutputError(f"cannot write '{output}': it is the input; choose another name")
    if os.path.exists(output) and not os.access(output, os.W_OK):
        raise OutputError(f"cannot write '{output}': it is there already and read-only; choose another name")
    folder = os.path.dirname(os.path.realpath(output))
    if not os.path.isdir(folder):
        raise OutputError(f"cannot write '{output}': there is no folder '{folder}'; make it first")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"cannot write '{output}': {reason}; choose another folder") from None
