"""`sfumato publish`: files to a folder or an object store that a web server shows."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from dataclasses import asdict
from typing import Any

from sfumato.errors import SettingsError


def add_arguments(verbs: Any) -> None:
    """Add the verb to the command's parser."""
    text = "copy files to a folder or an object store, with names and headers that caches can rely on"
    verb = verbs.add_parser("publish", help=text, description=f"{text.capitalize()}.", allow_abbrev=False)
    verb.set_defaults(run=run, verb="publish")
    verb.add_argument("file", nargs="+", metavar="FILE", help=".sfu files")
    verb.add_argument("destination", metavar="DEST", help="a folder, or s3://bucket/prefix")
    verb.add_argument("--endpoint", metavar="URL", help="of an S3-compatible store")
    verb.add_argument("--json", action="store_true", help="print the result as JSON on stdout")


def run(arguments: argparse.Namespace) -> None:
    """Publish, and say under which names."""
    if importlib.util.find_spec("obstore") is None:
        raise SettingsError("cannot publish: obstore is missing; pip install 'sfumato[publish]'")
    from sfumato.delivery.publish import publish

    report = publish(arguments.file, arguments.destination, endpoint=arguments.endpoint)
    if arguments.json:
        json.dump(
            {"assets": [asdict(asset) for asset in report.assets], "written": report.written}, sys.stdout, indent=1
        )
        print()
        return
    for asset in report.assets:
        there = "" if asset.file in report.written else ", there already"
        print(f"{asset.name}: {asset.file}, {asset.bytes:,} bytes{there}")
