"""`sfumato check-url`: what a host does wrong with a file, and how to mend it."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sfumato.errors import NetworkError

if TYPE_CHECKING:
    from sfumato.delivery.check import CheckReport

_FAULTY = 1  # exit code: the command worked, the host does not
_HOSTS = {"nginx": "nginx", "s3": "S3", "cloudflare": "Cloudflare"}


def add_arguments(verbs: Any) -> None:
    """Add the verb to the command's parser."""
    text = "find out what a web server does wrong with a file, and how to mend it"
    verb = verbs.add_parser(
        "check-url",
        help=text,
        description=f"{text.capitalize()}. The exit code is 1 if something is wrong that breaks viewers.",
        allow_abbrev=False,
    )
    verb.set_defaults(run=run, verb="check-url")
    verb.add_argument("file", metavar="URL", help="of an .sfu file")
    verb.add_argument("--host", choices=sorted(_HOSTS), help="how to mend it there alone (default: all three)")
    verb.add_argument("--timeout", type=float, default=20.0, metavar="S", help="seconds to wait for any byte (20)")
    verb.add_argument("--json", action="store_true", help="print the result as JSON on stdout")


def run(arguments: argparse.Namespace) -> None:
    """Check, print what was found, and raise NetworkError with exit code 1 if viewers would fail."""
    from sfumato.delivery.check import check_url

    report = check_url(arguments.file, timeout_s=arguments.timeout)
    if arguments.json:
        json.dump({**asdict(report), "faults": report.faults}, sys.stdout, indent=1)
        print()
    else:
        _show(report, [arguments.host] if arguments.host else list(_HOSTS))
    if report.faults:
        fault = NetworkError(f"cannot rely on '{arguments.file}': faults in {', '.join(report.faults)}")
        fault.exit_code = _FAULTY
        raise fault


def _show(report: CheckReport, hosts: list[str]) -> None:
    for finding in report.findings:
        print(f"{finding.verdict:6}  {finding.name:10}  {finding.found}")
        for host in hosts if finding.mend else ():
            print(f"{'':20}{_HOSTS[host]}: {finding.mend[host]}")
