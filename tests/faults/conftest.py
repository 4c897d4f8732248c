"""The table at the end of a run of the fault suite."""

from typing import Any

from tests.support.load import ROWS, Report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was counted."""
    if not ROWS:
        return
    terminalreporter.section("what was lost, what was doubled")
    counts = "said, lost, doubled, out of order"
    terminalreporter.line(f"| scenario | times | XMPP to IRC: {counts} | IRC to XMPP: {counts} |")
    terminalreporter.line("|---|---|---|---|")
    for row in ROWS:
        terminalreporter.line(f"| {row.name} | {row.times} | {_counts(row.to_irc)} | {_counts(row.to_xmpp)} |")


def _counts(report: Report) -> str:
    return f"{report.sent:,}, {len(report.lost)}, {len(report.doubled)}, {len(report.overtaken)}"
