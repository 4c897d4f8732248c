"""Every benchmark, one after the other, and all figures once more at the end: what ``make bench`` runs.

Each is a program of its own (``python -m bench.store``) in a process of its own, so that none warms another up.
``python -m bench NAME ...`` runs some. Figures are CPU time; compare those of one run only, since machines are shared.
"""

import subprocess
import sys

BENCHMARKS = {
    "relay": "the whole program between Prosody and InspIRCd",
    "engine": "the engine alone, echo to echo",
    "store": "a message in the store",
    "stream": "the component's stream, beside slixmpp's own",
    "irc_lines": "an IRC line, beside the library's own client",
    "muc_fanout": "a message in Prosody, with and without our module",
    "webhooks": "deliveries to a hook at 200/s, killed in the middle",
}


def main(names: list[str]) -> int:
    """Run the named benchmarks, all by default; returns 1 if one of them failed."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"bench: found {', '.join(unknown)}, expected some of {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    figures: dict[str, list[str]] = {}
    failed = False
    for name in names or BENCHMARKS:
        print(f"-- {name}: {BENCHMARKS[name]}", flush=True)
        with subprocess.Popen([sys.executable, "-m", f"bench.{name}"], stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            figures[name] = []
            for line in running.stdout:
                print(line, end="", flush=True)
                figures[name].append(line.rstrip())
        failed = failed or running.returncode != 0
    if len(figures) > 1:
        print("\n== all figures ==")
        for name, lines in figures.items():
            print(f"\n{name}: {BENCHMARKS[name]}")
            print("\n".join(f"    {line}" for line in lines if line))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
