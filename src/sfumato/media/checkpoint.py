"""Checkpoints of a fit: parameters, Adam moments, schedule and random state in one file without pickle."""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import CheckpointError
from sfumato.files import save

VERSION = 3


@dataclass
class Checkpoint:
    """A checkpoint file and what it must belong to.

    path: the file; written completely or not at all.
    identity: whatever makes two fits the same (settings, a digest of what is fitted); a stored checkpoint with another
        identity is refused.
    done: arrays of the parts of the work that are complete, by name.
    """

    path: Path
    identity: dict[str, Any]
    done: dict[str, NDArray[Any]]
    _arrays: dict[str, NDArray[Any]] | None = None
    _state: dict[str, Any] | None = None

    @classmethod
    def new(cls, path: Path, identity: dict[str, Any]) -> Checkpoint:
        """A checkpoint that holds nothing yet and writes nothing yet."""
        return cls(path, identity, {})

    @classmethod
    def load(cls, path: Path, identity: dict[str, Any]) -> Checkpoint:
        """The checkpoint at `path`. Raises CheckpointError if it is missing, damaged or belongs to another fit."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            meta = json.loads(bytes(arrays.pop("meta")).decode())
            if not isinstance(meta, dict) or not isinstance(meta.get("identity"), dict):
                raise ValueError("it does not say what it belongs to")
        except FileNotFoundError:
            raise CheckpointError(f"cannot resume: there is no checkpoint '{path}'; start without --resume") from None
        except (OSError, TypeError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise CheckpointError(
                f"cannot resume from '{path}': the checkpoint is damaged ({error}); start without --resume"
            ) from error
        if meta.get("version") != VERSION:
            raise CheckpointError(f"cannot resume from '{path}': it was written by another version of Sfumato")
        wanted = json.loads(json.dumps(identity))
        changed = sorted(k for k in {*meta["identity"], *wanted} if meta["identity"].get(k) != wanted.get(k))
        if changed:
            raise CheckpointError(
                f"cannot resume from '{path}': it belongs to a fit with another {', '.join(changed)}; "
                "use the same input and settings, or start without --resume"
            )
        done = {name[5:]: array for name, array in arrays.items() if name.startswith("done.")}
        state = {name[6:]: array for name, array in arrays.items() if name.startswith("state.")}
        return cls(path, identity, done, state or None, meta.get("state"))

    def load_state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """The arrays and the rest (JSON values) of the part that was under way, once; None if there was none."""
        if self._arrays is None or self._state is None:
            return None
        arrays, self._arrays = self._arrays, None
        return arrays, self._state

    def save_state(self, arrays: dict[str, NDArray[Any]], rest: dict[str, Any]) -> None:
        """Write what is done and the state of what is under way: arrays, and JSON values."""
        self._write(arrays, rest)

    def finish_part(self, name: str, arrays: dict[str, NDArray[Any]]) -> None:
        """Remember a complete part; the state under way is over."""
        self.done |= {f"{name}.{key}": array for key, array in arrays.items()}
        self._write({}, None)

    def part(self, name: str) -> dict[str, NDArray[Any]] | None:
        """The arrays of a complete part, or None."""
        start = f"{name}."
        found = {key[len(start) :]: array for key, array in self.done.items() if key.startswith(start)}
        return found or None

    def drop_part(self, name: str) -> None:
        """Forget a complete part, because what follows from it is complete too."""
        self.done = {key: array for key, array in self.done.items() if not key.startswith(f"{name}.")}

    def remove(self) -> None:
        """Delete the file, if there is one."""
        self.path.unlink(missing_ok=True)

    def _write(self, state: dict[str, NDArray[Any]], meta: dict[str, Any] | None) -> None:
        text = json.dumps({"version": VERSION, "identity": self.identity, "state": meta}).encode()
        arrays: dict[str, NDArray[Any]] = {"meta": np.frombuffer(text, np.uint8)}
        arrays |= {f"done.{name}": array for name, array in self.done.items()}
        arrays |= {f"state.{name}": array for name, array in state.items()}
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        save(os.fspath(self.path), buffer.getvalue())
