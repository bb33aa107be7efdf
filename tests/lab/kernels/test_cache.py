"""Kernels come whole, verified and once, or not at all, each failure with a sentence of its own.

All but the parsing runs the machine's real apt against a small repository of ours.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from devmemkit.lab.kernels import cache, catalogue, listing
from devmemkit.lab.kernels.apt import Package, digest
from devmemkit.lab.kernels.cache import KernelError
from devmemkit.lab.kernels.programs import NoSuchSuite, explain
from tests.lab.kernels.world import ARM, ARM_16K, NEW, SPLIT, World


def nothing_cached() -> bool:
    kept = {"apt", "debs", "lock"}
    return not cache.cache_dir().exists() or {p.name for p in cache.cache_dir().iterdir()} <= kept


def test_the_newest_kernel_of_a_version_comes_once_and_whole(world: World) -> None:
    kernel = world.get("6.12")
    assert (kernel.version, kernel.release, kernel.suite) == ("6.12", NEW, "stable")
    assert kernel.packages == {f"linux-image-{NEW}": "6.12.15-1"}
    assert kernel.config["CONFIG_STRICT_DEVMEM"] == "y"
    assert kernel.config["CONFIG_X86_PAT"] == "n"
    assert (kernel.modules / "kernel/e1000.ko").read_bytes() == b"module"
    assert world.served() == [f"linux-image-{NEW}_6.12.15-1_amd64.deb"]
    assert any("0.2 MB" in line for line in world.said), world.said
    assert list((cache.cache_dir() / "debs").iterdir()) == []
    world.handler.asked.clear()
    assert world.get("6.12") == kernel
    assert world.handler.asked == [], "from the cache, without a word to the network"


def test_a_kernel_of_another_architecture_is_kept_beside_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = world.get("6.12")
    monkeypatch.setattr(catalogue, "SUITES", ("stable-arm",))
    kernel = cache.get("6.12", world.said.append, "arm64")
    assert (kernel.arch, kernel.release, kernel.suite) == ("arm64", ARM, "stable-arm")
    assert kernel.config["CONFIG_ARM64_PA_BITS"] == "52"
    assert kernel.vmlinuz == cache.cache_dir() / "arm64" / "6.12" / "vmlinuz"
    assert cache.cached("6.12") == other
    assert cache.cached("6.12", "arm64") == kernel
    table = listing.list_kernels(flavour="arm64")
    assert ARM in table
    assert NEW not in table
    with pytest.raises(KernelError, match=r"expected 6\.12; got '7\.3'"):
        cache.get("7.3", world.said.append, "arm64")
    large = cache.get("6.12", world.said.append, "arm64-16k")
    assert (large.arch, large.flavour, large.release) == ("arm64", "arm64-16k", ARM_16K)
    assert cache.cached("6.12", "arm64") == kernel
    assert ARM_16K in listing.list_kernels(flavour="arm64-16k")


def test_a_kernel_in_parts_is_put_together(world: World) -> None:
    kernel = world.get("7.3")
    assert kernel.release == SPLIT
    assert {name.split("-")[1] for name in kernel.packages} == {
        *("image", "binary", "modules", "base")
    }
    assert kernel.config["CONFIG_DEVMEM"] == "y"
    assert (kernel.modules / "kernel" / "a.ko").exists()


@pytest.mark.parametrize("altered", [False, True])
def test_a_part_that_the_suite_lists_no_more_is_taken_from_the_archive(
    world: World, monkeypatch: pytest.MonkeyPatch, altered: bool
) -> None:
    """By the digest that we know; the image and the other parts are those of the signed list."""
    pool, name = world.archive.folder / "pool", f"linux-modules-{SPLIT}"
    (pool / "kernels").mkdir()
    deb = (pool / f"{name}_7.3.4-1_amd64.deb").rename(
        pool / "kernels" / f"{name}_7.3.4-1_amd64.deb"
    )
    known = digest(deb)
    if altered:
        deb.write_bytes(deb.read_bytes()[:-1] + b"!")
    listed = world.archive.folder / "dists" / "stable-backports" / "main/binary-amd64/Packages"
    stanzas = listed.read_text().split("\n\n")
    listed.write_text("\n\n".join(one for one in stanzas if name not in one.split("\n")[0]))
    world.archive.sign("stable-backports", digest(listed), listed.stat().st_size)
    with pytest.raises(KernelError, match=r"got 1, 0 and"):
        world.get("7.3")
    needs = f"linux-base-{SPLIT} (= 7.3.4-1)"
    gone = Package(name, "7.3.4-1", deb.stat().st_size, 9, known, needs, "pool/kernels")
    monkeypatch.setattr(catalogue, "UNLISTED", (gone,))
    if altered:
        with pytest.raises(KernelError, match=rf"^{re.escape(name)}.*: expected the digest"):
            world.get("7.3")
        assert nothing_cached()
        return
    kernel = world.get("7.3")
    assert kernel.packages[name] == "7.3.4-1"
    assert (kernel.modules / "kernel" / "a.ko").exists()


def test_the_machines_own_apt_stays_as_it_is(world: World) -> None:
    system = Path(os.environ["APT_CONFIG"]).parent

    def state() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in system.rglob("*")}

    before = state()
    world.get("7.3")
    assert state() == before


def test_a_damaged_image_in_the_cache_is_taken_again(world: World) -> None:
    kernel = world.get("6.12")
    kernel.vmlinuz.write_bytes(kernel.vmlinuz.read_bytes()[:-1] + b"?")
    world.served()
    again = world.get("6.12")
    assert again.sha256 == kernel.sha256 == digest(again.vmlinuz)
    assert len(world.served()) == 1


def test_an_unpacking_that_was_ended_leaves_nothing_and_the_package_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(arch: str, path: Path) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cache, "config_facts", ended)
        with pytest.raises(KeyboardInterrupt):
            world.get("6.12")
    assert nothing_cached()
    (cache.cache_dir() / ".new-killed").mkdir()  # as a kill would leave it
    world.served()
    assert world.get("6.12").release == NEW
    assert world.served() == [], "the package was there already"
    assert not (cache.cache_dir() / ".new-killed").exists()


def test_a_download_goes_on_where_it_was_ended(world: World) -> None:
    name = f"linux-image-{NEW}_6.12.15-1_amd64.deb"
    whole = world.archive.folder / "pool" / name
    debs = cache.cache_dir() / "debs"
    debs.mkdir(parents=True)
    (debs / name).write_bytes(whole.read_bytes()[:100_000])
    modified = int(whole.stat().st_mtime)  # apt leaves this date when it is told to end
    os.utime(debs / name, (modified, modified))
    assert world.get("6.12").release == NEW
    sent = [one for one in world.handler.asked if one[0] == name]
    assert sent == [(name, "bytes=100000-", whole.stat().st_size - 100_000)]


@pytest.mark.parametrize("size", [100_000, None])
def test_a_wrong_file_left_behind_is_never_used(world: World, size: int | None) -> None:
    name = f"linux-image-{NEW}_6.12.15-1_amd64.deb"
    whole = (world.archive.folder / "pool" / name).stat()
    debs = cache.cache_dir() / "debs"
    debs.mkdir(parents=True)
    (debs / name).write_bytes(b"x" * (size or whole.st_size))
    os.utime(debs / name, (int(whole.st_mtime),) * 2)
    try:
        kernel = world.get("6.12")
    except KernelError:
        assert nothing_cached()
        kernel = world.get("6.12")
    assert kernel.release == NEW
    assert list(debs.iterdir()) == []


def test_a_changed_byte_in_a_package_is_noticed(world: World) -> None:
    deb = world.archive.folder / "pool" / f"linux-image-{NEW}_6.12.15-1_amd64.deb"
    data = bytearray(deb.read_bytes())
    data[-1000] ^= 1
    deb.write_bytes(data)
    with pytest.raises(KernelError, match=r"^linux-image-.*: expected the digest"):
        world.get("6.12")
    assert nothing_cached()
    assert list((cache.cache_dir() / "debs").iterdir()) == []


def test_a_list_signed_by_another_key_is_not_believed(world: World) -> None:
    listed = world.archive.folder / "dists" / "stable" / "main" / "binary-amd64" / "Packages"
    world.archive.sign("stable", digest(listed), listed.stat().st_size, world.other_key)
    with pytest.raises(KernelError, match=r"^stable: expected a signature by one of Debian's keys"):
        world.get("6.12")
    assert nothing_cached()


def test_a_list_that_is_not_the_signed_one_is_not_believed(world: World) -> None:
    listed = world.archive.folder / "dists" / "stable" / "main" / "binary-amd64" / "Packages"
    listed.write_bytes(listed.read_bytes().replace(b"6.12.15", b"6.12.16"))
    with pytest.raises(KernelError, match=r"^stable: expected the digest"):
        world.get("6.12")
    assert nothing_cached()


def test_a_list_without_signature_is_not_believed(world: World) -> None:
    suite = world.archive.folder / "dists" / "stable"
    text = (suite / "InRelease").read_text().split("\n\n", 1)[1].split("-----BEGIN")[0]
    (suite / "InRelease").unlink()
    (suite / "Release").write_text(text)
    with pytest.raises(KernelError, match=r"^stable: expected a signature"):
        world.get("6.12")
    assert nothing_cached()


def test_a_suite_that_left_the_repository_is_passed_over(world: World) -> None:
    shutil.rmtree(world.archive.folder / "dists" / "stable-backports")
    assert world.get("6.12").release == NEW
    assert "stable-backports: the repository has no such suite" in world.said
    with pytest.raises(KernelError, match=r"expected 6\.5, 6\.12; got '7\.3'"):
        world.get("7.3")


def test_no_network(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = Path(os.environ["APT_CONFIG"])
    conf.write_text(conf.read_text().replace('"DIRECT"', '"http://127.0.0.1:9"'))
    with pytest.raises(KernelError, match=r"^stable-backports: .* connect to the network or pass"):
        world.get("6.12")


def test_an_image_without_its_modules_is_no_kernel(world: World) -> None:
    with pytest.raises(KernelError, match=r"linux-image-6\.5\.1-amd64, got 0, 0 and 0; .* or pass"):
        world.get("6.5")
    assert nothing_cached()


def test_a_full_disk_is_noticed_before_the_download(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1 << 30, 1 << 30, 4096))
    with pytest.raises(
        KernelError, match=r"MiB free for kernel 6\.12, got 0; make room or set XDG_"
    ):
        world.get("6.12")
    assert world.served() == []


def test_no_keyring(world: World) -> None:
    world.keyring.unlink()
    with pytest.raises(KernelError, match=r"keyring\.gpg: .* install the package debian-archive-"):
        world.get("6.12")


def test_what_can_be_had_and_what_is_cached(world: World) -> None:
    assert "no package lists yet" in listing.list_kernels()
    table = listing.list_kernels(refresh=True, progress=world.said.append).splitlines()
    had = [line.split()[:3] for line in table if " stable" in line]
    assert had == [
        ["6.5", "-", "stable"],
        ["6.12", "-", "stable"],
        ["7.3", "-", "stable-backports"],
    ]
    world.get("7.3")
    world.handler.asked.clear()
    table = listing.list_kernels(["6.12"]).splitlines()
    assert world.handler.asked == [], "without the network"
    rows = {line.split()[0]: line for line in table[1:]}
    assert rows["7.3"].split()[1:5] == [SPLIT, "stable-backports", "7.3.4-1", "-"]
    assert rows["6.12"].split()[1:5] == ["-", "stable", "6.12.15-1", "yes"]
    assert rows["5.10"].split()[1:4] == ["-", "no", "-"]


@pytest.mark.parametrize("program", ["apt-get", "dpkg-deb"])
def test_no_program(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {"apt-get", "dpkg-deb"} - {program}:
        (tmp_path / name).symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(KernelError, match=f"^{program}: not found; install the package .* or pass"):
        cache.get("6.12", lambda line: None)


def test_a_version_is_two_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for wrong in "../etc", "6.12.4", "", "trixie":
        with pytest.raises(KernelError, match=r"^kernel: expected .*; got"):
            cache.get(wrong, lambda line: None)


def test_the_cache_is_where_xdg_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_dir() == tmp_path / "devmemkit" / "kernels"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # which the specification says to ignore
    assert cache.cache_dir() == Path.home() / ".cache" / "devmemkit" / "kernels"


def package(name: str, version: str, depends: str = "") -> Package:
    return Package(name, version, 1, 1, "", depends)


def test_which_images_are_kernels_of_ours() -> None:
    wanted = {
        "linux-image-5.10.0-46-amd64": "5.10",
        "linux-image-6.1.0-0.deb11.52-amd64": "6.1",
        "linux-image-6.12.90+deb12.1-amd64": "6.12",
        "linux-image-6.12.117+deb13-amd64": "6.12",
        "linux-image-7.3.4+deb13-amd64": "7.3",
    }
    others = "amd64 6.1-amd64 6.12.9+deb13-rt-amd64 6.1.0-9-cloud-amd64 7.3-amd64 6.1.0-9-amd64-dbg"
    names = [*wanted, *(f"linux-image-{other}" for other in others.split())]
    versions = [name.removeprefix("linux-image-") for name in names]
    found = catalogue.images(map(package, names, versions))
    assert {one.name: version for version, one in found.items()} == {
        name: version for name, version in wanted.items() if "12.90" not in name
    }


def test_parts_are_of_the_same_version_and_a_base_package_may_be_gone() -> None:
    image = package("linux-image-1", "2", "kmod, linux-base-1-a (= 2), linux-modules-1-a (= 2)")
    modules = package("linux-modules-1-a", "2", "linux-base (>= 4)")
    older = package("linux-modules-1-a", "1")
    assert catalogue.parts(image, [older, modules, image]) == [image, modules]
    assert catalogue.is_whole(image, [modules])
    assert not catalogue.is_whole(image, [older])


def test_a_missing_suite_is_told_from_other_failures() -> None:
    release = "E: The repository 'http://host x Release' does not have a Release file.\n"
    assert isinstance(explain("x", f"Err:1 x\n  404  Not Found\n{release}"), NoSuchSuite)
    assert not isinstance(explain("x", f"Err:1 x\n  502  Bad Gateway\n{release}"), NoSuchSuite)


GOOD = {
    "version": "6.12",
    "release": "6.12.1",
    "suite": "trixie",
    "packages": {},
    "config": {},
    "sha256": hashlib.sha256(b"image").hexdigest(),
}
"""As older versions wrote it: without an architecture, which is x86_64."""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a kernel in the cache, whole."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = cache.cache_dir() / "6.12"
    (folder / "modules").mkdir(parents=True)
    (folder / "vmlinuz").write_bytes(b"image")
    (folder / "kernel.json").write_text(json.dumps(GOOD))
    return folder


@pytest.mark.parametrize(
    "told",
    [
        "[" * 100_000,
        "5",
        json.dumps(GOOD | {"version": "7.3"}),
        json.dumps(GOOD | {"release": 5}),
        json.dumps(GOOD | {"packages": 3}),
        json.dumps(GOOD | {"config": {"CONFIG_DEVMEM": 1}}),
        json.dumps(GOOD | {"vmlinuz": "/etc/passwd"}),
        json.dumps(GOOD | {"sha256": None}),
        json.dumps(GOOD | {"arch": "arm64"}),
    ],
)
def test_what_is_no_kernel_of_that_version_is_not_cached(kept: Path, told: str) -> None:
    assert cache.cached("6.12") is not None
    (kept / "kernel.json").write_text(told)
    assert cache.cached("6.12") is None
    assert "6.12 " in listing.list_kernels()


@pytest.mark.parametrize("name", ["kernel.json", "vmlinuz"])
def test_a_pipe_or_a_device_in_the_cache_is_left_unopened(kept: Path, name: str) -> None:
    (kept / name).unlink()
    os.mkfifo(kept / name)
    assert cache.cached("6.12") is None
    (kept / name).unlink()
    (kept / name).symlink_to("/dev/zero")
    assert cache.cached("6.12") is None


def test_a_kernel_without_its_modules_is_not_cached(kept: Path) -> None:
    (kept / "modules").rmdir()
    assert cache.cached("6.12") is None
