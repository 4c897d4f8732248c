"""A connector that lives in a package of its own, found by entry point, and tested by the command that the docs name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ENTRY_POINTS = """\
[linkspan.connectors]
pigeon = pigeon:MANIFEST
[linkspan.conformance]
pigeon = pigeon.conformance:make_driver
[pytest11]
linkspan = bridge.conformance.plugin
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Install a package: the template, copied and renamed as its README says."""
    package = tmp_path / "site" / "pigeon"
    package.mkdir(parents=True)
    for module in (ROOT / "connectors" / "echo").glob("*.py"):
        text = module.read_text().replace("connectors.echo", "pigeon").replace('kind="echo"', 'kind="pigeon"')
        (package / module.name).write_text(text)
    info = tmp_path / "site" / "linkspan_pigeon-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: linkspan-pigeon\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return tmp_path


def run(where: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(where / "site"), str(ROOT)])}
    environ.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(
        [sys.executable, *arguments], cwd=where, env=environ, capture_output=True, text=True, check=False, timeout=100
    )


def test_the_suite_is_run_against_it(elsewhere: Path):
    done = run(
        elsewhere, "-m", "pytest", "-q", "--pyargs", "bridge.conformance", "--connector", "pigeon", "-k", "not survives"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout


def test_a_wrong_name_is_one_clear_line(elsewhere: Path):
    done = run(elsewhere, "-m", "pytest", "-q", "--pyargs", "bridge.conformance", "--connector", "pidgeon")
    assert done.returncode != 0
    assert "found --connector 'pidgeon', expected one of" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_registry_finds_it(elsewhere: Path):
    done = run(elsewhere, "-c", "from bridge import registry; print(registry.settings_of('pigeon'))")
    assert done.stdout == "<class 'pigeon.config.EchoSettings'>\n", done.stderr
