"""The start page in Firefox, which puppeteer-core drives."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

PUPPETEER = "puppeteer-core@24.43.1"
BROWSERS = ("firefox-esr", "firefox")
CALL = 'openat(AT_FDCWD, "/dev/mem", O_RDWR|O_SYNC) = -1 EACCES (Permission denied)'


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    """A folder with the program that drives Firefox, and what it imports."""
    npm = shutil.which("npm")
    done = npm and subprocess.run(
        [npm, "install", "--silent", "--no-audit", "--no-fund", PUPPETEER], cwd=tmp_path
    )
    if not done or done.returncode:
        assert os.environ.get("DEVMEMKIT_REQUIRE_BROWSER") != "1", f"npm gives no {PUPPETEER}"
        pytest.skip(f"no {PUPPETEER}")
    program = Path(__file__).with_name("firefox.mjs")
    shutil.copy(program, tmp_path)
    return tmp_path / program.name


@pytest.mark.slow
def test_all_of_it_lives_in_firefox(driver: Path, address: str) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        assert os.environ.get("DEVMEMKIT_REQUIRE_BROWSER") != "1", "no Firefox"
        pytest.skip("no Firefox")
    done = subprocess.run(
        ["node", driver, address, browser, CALL],
        cwd=driver.parent,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["complaints"] == []
    assert told["race"] == "surviving"  # the link's schedule, before Python is there
    assert "e1000 has it" in told["answeredBefore"]
    assert "open of /dev/mem, O_SYNC gave EACCES" in told["answer"]
    assert told["explorers"] == 7
    assert told["width"] <= 360
    assert told["reached"] == "NetworkError"  # a worker made from a blob has the page's policy
