"""The folder of the site: reproducible, self-contained, and careful with other people's files."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest

from devmemkit.host.files import SourceError
from devmemkit.site import build, pages, runtime

COMMIT = "0123456789abcdef"

pytestmark = pytest.mark.slow  # a build searches the states of every explorer


def test_the_package_is_the_same_each_time() -> None:  # .ci/run compares two whole sites
    assert runtime.package() == runtime.package()


def test_the_sums_name_every_file(site: Path) -> None:
    lines = (site / build.SUMS).read_text().splitlines()
    found = dict(reversed(line.split("  ")) for line in lines)
    there = {one.relative_to(site).as_posix() for one in site.rglob("*") if one.is_file()}
    assert found.keys() | {build.SUMS} == there
    for name, digest in found.items():
        assert hashlib.sha256((site / name).read_bytes()).hexdigest() == digest


def test_a_later_build_removes_what_it_no_longer_makes(tmp_path: Path) -> None:
    build.build(tmp_path, COMMIT)
    (tmp_path / "old.js").write_text("")
    (tmp_path / "mine.txt").write_text("")
    with (tmp_path / build.SUMS).open("a") as sums:
        sums.write(f"{'0' * 64}  old.js\n{'0' * 64}  ../outside.js\n")
    (tmp_path.parent / "outside.js").write_text("")
    build.build(tmp_path, COMMIT)
    assert not (tmp_path / "old.js").exists()
    assert (tmp_path / "mine.txt").exists()
    assert (tmp_path.parent / "outside.js").exists()


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(ValueError, match="expected a new folder, an empty one or a site"):
        build.build(tmp_path, COMMIT)
    with pytest.raises(ValueError, match="expected a folder, got a file"):
        build.build(tmp_path / "letter.txt", COMMIT)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_folder_of_the_site_that_is_a_link_is_refused(tmp_path: Path) -> None:
    out, outside = tmp_path / "site", tmp_path / "outside"
    build.build(out, COMMIT)
    for name in ("explorers", "old"):  # one that is made, one of an earlier site
        (outside / name).mkdir(parents=True)
        (outside / name / "mine.svg").write_text("mine")
        with (out / build.SUMS).open("a") as sums:
            sums.write(f"{'0' * 64}  {name}/mine.svg\n")
        if (out / name).exists():
            shutil.rmtree(out / name)
        (out / name).symlink_to(outside / name)
        with pytest.raises(ValueError, match=f"{name}: expected a file or folder of the site, got"):
            build.build(out, COMMIT)
        assert [path.name for path in (outside / name).iterdir()] == ["mine.svg"]
        (out / name).unlink()
    (out / "index.html").unlink()
    (out / "index.html").symlink_to(outside / "old" / "mine.svg")
    with pytest.raises(ValueError, match=r"index\.html: expected a file or folder of the site"):
        build.build(out, COMMIT)
    assert (outside / "old" / "mine.svg").read_text() == "mine"


class Inline(HTMLParser):
    """Collects what the pages' policy would refuse, and the files that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        data = given.get("type") == "application/json"  # which nothing executes
        if tag == "style" or (tag == "script" and "src" not in given and not data):
            self.refused.append(tag)
        self.refused += [name for name in given if name == "style" or name.startswith("on")]
        loaded = given.get("src") or (given.get("href") if tag == "link" else None)
        if loaded and not loaded.startswith("data:"):
            self.loads.append(loaded)


def test_pages_have_nothing_inline_and_load_only_files_of_the_folder() -> None:
    made = build.contents(COMMIT)
    for name, content in made.items():
        if name.endswith(".html"):
            found = Inline()
            found.feed(content.decode())
            assert found.refused == []
            assert set(found.loads) <= made.keys()
    assert "unsafe-inline" not in pages.POLICY
    assert "connect-src 'none'" in pages.POLICY


def test_the_package_of_the_pages_needs_the_standard_library_alone(tmp_path: Path) -> None:
    names = zipfile.ZipFile(io.BytesIO(runtime.package())).namelist()
    assert not [name for name in names if name.endswith(".pyc")]
    assert not {"lab", "artifact", "cli"} & {name.split("/")[1] for name in names}
    zipfile.ZipFile(io.BytesIO(runtime.package())).extractall(tmp_path)
    code = "import devmemkit.site.live.dispatch, sys; print(sys.modules['devmemkit'].__file__)"
    done = subprocess.run(
        [sys.executable, "-S", "-W", "error", "-c", code],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == str(tmp_path / "devmemkit" / "__init__.py"), done.stderr


def test_a_file_other_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    for name in runtime.pinned()["files"]:
        (tmp_path / name).write_bytes(b"other")
    with pytest.raises(SourceError, match=r"pyodide\.mjs: expected that of Pyodide"):
        runtime.pyodide(tmp_path)


def test_without_npm_the_message_names_the_option(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="--pyodide DIR"):
        runtime.pyodide()
