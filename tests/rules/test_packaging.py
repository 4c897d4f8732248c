"""What is built from the tree is whole: installed elsewhere, it runs, migrations and all."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*words: str, cwd: Path, **environ: str) -> str:
    ended = subprocess.run(
        words, cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True, timeout=100, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install a wheel of this tree, as pip would for an operator."""
    target = tmp_path_factory.mktemp("site-packages")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    run(*pip, "--target", str(target), str(ROOT), cwd=target)
    return target


def test_an_installed_wheel_brings_its_migrations(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[xmpp]\ndomain = "bridge.localhost"\nsecret = "s3cr3t"\n')
    linkspan = [sys.executable, "-m", "bridge"]
    path = {"PYTHONPATH": str(installed)}
    where = run(sys.executable, "-c", "import bridge; print(bridge.__file__)", cwd=tmp_path, **path)
    assert where.startswith(str(installed))
    run(*linkspan, "db", "upgrade", cwd=tmp_path, **path)
    assert run(*linkspan, "db", "check", cwd=tmp_path, **path).startswith("the store is whole")


def test_the_lock_names_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(each for extra in project["project"]["optional-dependencies"].values() for each in extra),
        *project["dependency-groups"]["dev"],
    ]
    names = {re.split(r"[^A-Za-z0-9._-]", each)[0].lower().replace("_", "-") for each in wanted}
    locked = set(re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE))
    assert names - locked == set()


def test_every_file_in_the_lock_is_hashed() -> None:
    entries = re.split(r"^(?=[a-z0-9])", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
