"""Every benchmark, one after the other, and at the end what was to be reached beside it: what ``make bench`` runs.

Each is a program of its own (``python -m bench.messages``) in a process of its own, so that none warms another up.
``python -m bench [--quick] [NAME ...]`` runs some, ``make bench BENCH="--quick"`` likewise. Figures are CPU time; compare
those of one run only, since machines are shared. A fixed loop before each says how fast this one was just then.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import goals
from bench.figures import calibration, read

REAL = {
    "messages": "a message on real servers: bridge, XMPP server, IRC server, by number of ghosts",
    "puppets": "puppets: memory, coming in, idling; both sides at once",
    "hosted": "the same for hosted rooms, ours and biboumi's",
}
"""These note figures for the goals."""
PARTS = {
    "engine": "the engine alone, echo to echo",
    "store": "a message in the store",
    "webhooks": "deliveries to a hook at 200/s, killed in the middle",
    "stream": "the component's stream, beside slixmpp's own",
    "irc_lines": "an IRC line, beside the library's own client",
}
QUICK = (*REAL, "webhooks")
"""These know how to do less."""


def run(name: str, options: list[str]) -> bool:
    """Run one benchmark; returns whether it came to its end."""
    print(f"\n-- {name}: {(REAL | PARTS)[name]} (calibration {calibration():.0f} ms)", flush=True)
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-m", f"bench.{name}", *options], check=False)
    print(f"   ({time.monotonic() - start:.0f} s)", flush=True)
    return done.returncode == 0


def main() -> int:
    """Run the named benchmarks, all by default; returns 1 if one of them failed."""
    options = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(REAL | PARTS)}")
    options.add_argument("--quick", action="store_true", help="less of everything, and only what has goals")
    wanted = options.parse_args()
    unknown = set(wanted.names) - set(REAL | PARTS)
    if unknown:
        options.error(f"found {', '.join(sorted(unknown))}, expected some of {', '.join(REAL | PARTS)}")
    names = wanted.names or list(REAL if wanted.quick else REAL | PARTS)
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures"
        for name in names:
            given = ["--figures", str(figures)] if name in REAL else []
            given += ["--quick"] if wanted.quick and name in QUICK else []
            if not run(name, given):
                failed.append(name)
        known = read(figures)
    if known:
        print(f"\n== goals ==\n{goals.table(goals.rows(known))}")
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
