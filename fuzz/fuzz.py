"""Coverage-guided fuzzing of everything that reads bytes from strangers.

    pip install atheris
    python fuzz/fuzz.py container --seconds 60

Needs atheris (libFuzzer for Python). Inputs that reach new code are kept in the corpus folder; an input that breaks a
promise is written to the findings folder, and the exit code is not 0. A finding is replayed by naming its file:

    python fuzz/fuzz.py container --replay fuzz/findings/crash-...
"""

from __future__ import annotations

import argparse
import importlib
import sys
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Target:
    """What can be fuzzed.

    module: has `one_input(data: bytes) -> None`, which raises for a broken promise, and `seeds() -> list[bytes]`.
    packages: whose code the fuzzer watches for new paths.
    longest: bytes of the longest input.
    """

    module: str
    packages: tuple[str, ...]
    longest: int = 4096


TARGETS = {
    "avatar": Target("fuzz_avatar", ("sfumato.media.avatar", "sfumato.container"), longest=8192),
    "container": Target("fuzz_container", ("sfumato.container",)),
    "image": Target("fuzz_image", ("sfumato.media.image", "sfumato.coding")),
    "rig": Target("fuzz_rig", ("sfumato.media.avatar", "sfumato.coding")),
    "scene": Target("fuzz_scene", ("sfumato.sources",)),
    "scene_file": Target("fuzz_scene_file", ("sfumato.media.scene", "sfumato.coding")),
}


def main() -> None:
    """Fuzz one target for some time, or replay one input."""
    parser = argparse.ArgumentParser(description="Fuzz what reads bytes from strangers.")
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="how long to go on (default: 60)")
    parser.add_argument("--corpus", type=Path, help="folder of inputs to start from and add to (fuzz/corpus/TARGET)")
    parser.add_argument("--findings", type=Path, help="folder for inputs that break a promise (fuzz/findings)")
    parser.add_argument("--replay", type=Path, help="run this one input and stop")
    arguments = parser.parse_args()
    target = TARGETS[arguments.target]
    if arguments.replay is not None:
        importlib.import_module(target.module).one_input(arguments.replay.read_bytes())
        return
    corpus = arguments.corpus or _HERE / "corpus" / arguments.target
    _fuzz(target, corpus, arguments.findings or _HERE / "findings", arguments.seconds)


def _fuzz(target: Target, corpus: Path, findings: Path, seconds: int) -> None:
    try:
        import atheris
    except ImportError:
        sys.exit("fuzzing needs atheris: pip install atheris")
    with atheris.instrument_imports(include=list(target.packages), enable_loader_override=False):
        module = importlib.import_module(target.module)
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(module.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={target.longest}",
        f"-artifact_prefix={findings}/",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], str(corpus), *options], module.one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
