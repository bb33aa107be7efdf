"""A private apt root for one Debian suite, with the repositories of the machine's own apt."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from devmemkit.host.child import ending_with_us
from devmemkit.host.files import open_file
from devmemkit.lab.kernels.programs import OTHERWISE, KernelError, environment, explain, run

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Debian's keys, those of all its releases and of their mirrors."""
HELPER = "/usr/lib/apt/apt-helper"
KERNELS = r"^linux-(image|base|binary|modules)-[0-9].*-{}$"
FLAVOURS = {
    "x86_64": ("amd64", "amd64"),
    "arm64": ("arm64", "arm64"),
    "arm64-16k": ("arm64", "arm64-16k"),
}
"""By flavour of the lab's kernels: Debian's architecture, and the end of its packages' names."""

SETTINGS = {
    "APT::Get::AllowUnauthenticated": "false",
    "APT::Sandbox::User": "root",  # apt's own user cannot read a cache in a home folder
    "APT::Update::Error-Mode": "any",
    "Acquire::AllowDowngradeToInsecureRepositories": "false",
    "Acquire::AllowInsecureRepositories": "false",
    "Acquire::AllowWeakRepositories": "false",
    "Dir::Cache::pkgcache": "pkgcache.bin",  # "" in containers: built anew for each question
    "Dir::Cache::srcpkgcache": "",
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::State::status": "/dev/null",
}
# Hooks are for the system's lists; only a configuration file can clear them.
NO_HOOKS = "".join(f"#clear APT::Update::{when};\n" for when in ("Pre-Invoke", "Post-Invoke"))
NO_HOOKS += "#clear APT::Update::Post-Invoke-Success;\n"


@dataclass(frozen=True)
class Package:
    """One version of a package in a suite; sizes in bytes, the digest in hexadecimal.

    `folder` is where the archive has one that the suite does not list any more. `debian` is the
    architecture of its suite.
    """

    name: str
    version: str
    size: int
    installed: int
    sha256: str
    depends: str = ""
    folder: str = ""
    debian: str = "amd64"

    @property
    def file(self) -> str:
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.debian}.deb"


def stanzas(text: str) -> list[dict[str, str]]:
    """The paragraphs of apt's output as fields; continuation lines are left out."""
    field = re.compile(r"^([\w-]+): (.*)$", re.MULTILINE)
    return [dict(field.findall(block)) for block in re.split(r"\n\s*\n", text) if block.strip()]


def repositories(targets: str) -> dict[str, str]:
    """The addresses of Debian's archive, and of its security updates if in use, by their labels.

    `targets` has lines of origin, label and address. KernelError when the machine's apt knows no
    Debian repository.
    """
    found: dict[str, str] = {}
    for line in targets.splitlines():
        origin, label, address = line.split("|", 2)
        if origin == "Debian":
            found.setdefault(label, address)
    if "Debian" not in found:
        raise KernelError(
            "apt: expected a Debian repository among this machine's sources, found none; "
            f"add one and run apt-get update, {OTHERWISE}"
        )
    return found


def digest(path: Path) -> str:
    """The SHA-256 digest of a file, in hexadecimal; SourceError for a device."""
    with open_file(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Suite:
    """A suite of one of FLAVOURS and its security updates; lists and settings are in `folder`."""

    def __init__(self, name: str, folder: Path, flavour: str = "x86_64") -> None:
        self.name = name
        self._debian, self._ending = FLAVOURS[flavour]
        self._folder = folder / name
        self._config = self._folder / "apt.conf"
        self._sources = self._folder / "sources.list"
        places = {"Dir::Cache": self._folder, "Dir::State": self._folder}
        settings = {**SETTINGS, **places, "Dir::Etc::SourceList": self._sources}
        # both, as the machine's own configuration may name more architectures
        settings |= {"APT::Architecture": self._debian, "APT::Architectures": self._debian}
        self._options = ["-q", "-c", str(self._config)]
        self._options += [f"-o{key}={value}" for key, value in settings.items()]

    def _apt(self, program: str, *arguments: str) -> str:
        # apt-get download looks into the current folder
        return run(self.name, program, *self._options, *arguments, cwd=self._folder)

    def update(self) -> None:
        """Fetch and verify the package lists; NoSuchSuite or KernelError when that fails."""
        wanted = ("--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Created-By: Packages")
        found = repositories(run("apt", "apt-get", "indextargets", *wanted))
        if not KEYRING.is_file():
            package = "install the package debian-archive-keyring"
            raise KernelError(f"{KEYRING}: expected Debian's keys, found none; {package}")
        for part in ("lists/partial", "archives/partial"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        self._config.write_text(NO_HOOKS)
        suites = {"Debian": self.name, "Debian-Security": f"{self.name}-security"}
        if self.name.endswith("-backports"):  # it has no security updates
            del suites["Debian-Security"]
        lines = [
            f"deb [signed-by={KEYRING}] {found[label]} {suite} main\n"
            for label, suite in suites.items()
            if label in found
        ]
        self._sources.write_text("".join(lines))
        self._apt("apt-get", "update")

    def packages(self) -> list[Package]:
        """The packages that kernels are made of, as of the last update; none before the first."""
        if not self._sources.exists():
            return []
        names = self.names(KERNELS.format(self._ending))
        return self.show(*names) if names else []

    def names(self, pattern: str) -> list[str]:
        """The names of the packages that match a pattern, as of the last update."""
        lines = self._apt("apt-cache", "search", "--names-only", pattern).splitlines()
        return [line.split(" ")[0] for line in lines]

    def show(self, *names: str, newest: bool = False) -> list[Package]:
        """These packages, each in all its versions or the `newest`; a name may be NAME=VERSION.

        KernelError for one that the suite does not have.
        """
        versions = "--no-all-versions" if newest else "--all-versions"
        return [
            Package(
                name=one["Package"],
                version=one["Version"],
                size=int(one["Size"]),
                installed=int(one["Installed-Size"]) << 10,
                sha256=one["SHA256"],
                depends=one.get("Depends", ""),
                debian=self._debian,
            )
            for one in stanzas(self._apt("apt-cache", "show", versions, *names))
        ]

    def with_needs(self, *names: str) -> list[Package]:
        """These packages and all that they need, as apt would install them on an empty system."""
        command = ("install", "--simulate", "--no-install-recommends")
        said = self._apt("apt-get", *command, *names)
        found = re.findall(r"^Inst (\S+) \((\S+)", said, re.MULTILINE)
        return self.show(*(f"{name}={version}" for name, version in found))

    def download(
        self, packages: Sequence[Package], folder: Path, progress: Callable[[str], None]
    ) -> Iterator[Path]:
        """Download packages and check their digests; an interrupted download is resumed."""
        wanted = [f"{one.name}={one.version}" for one in packages if not one.folder]
        said = self._apt("apt-get", "download", "--print-uris", *wanted) if wanted else ""
        # 'ADDRESS' NAME_VERSION_ARCHITECTURE.deb SIZE DIGEST
        found = re.findall(r"^'(\S+)' ([^\s_]+)_", said, re.MULTILINE)
        addresses = {name: address for address, name in found}
        archive = self._sources.read_text().split()[2].rstrip("/")
        addresses |= {
            one.name: f"{archive}/{one.folder}/{one.file}" for one in packages if one.folder
        }
        for one in packages:
            yield self._download(one, addresses[one.name], folder / one.file, progress)

    def _download(
        self, package: Package, address: str, path: Path, progress: Callable[[str], None]
    ) -> Path:
        if path.exists() and path.stat().st_size >= package.size:
            if digest(path) == package.sha256:
                return path
            path.unlink()
        checked = f"SHA256:{package.sha256}"
        command = (HELPER, *self._options, "download-file", address, str(path), checked)
        try:
            _watch(package, path, command, progress)
        finally:  # apt keeps a file with a wrong digest under this name
            path.with_name(f"{path.name}.FAILED").unlink(missing_ok=True)
        if digest(path) != package.sha256:
            path.unlink()
            raise KernelError(f"{package.file}: expected digest {package.sha256}, got another")
        return path


def _watch(
    package: Package, path: Path, command: Sequence[str], progress: Callable[[str], None]
) -> None:
    """Run apt's downloader and report progress every two seconds."""
    with subprocess.Popen(
        ending_with_us(*command),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,  # so that we can signal apt's transports, too
    ) as process:
        done = 0
        try:
            while True:
                with suppress(FileNotFoundError):
                    done = path.stat().st_size
                progress(f"{package.file}: {done / 1e6:.1f} of {package.size / 1e6:.1f} MB")
                try:
                    said = process.communicate(timeout=2)[1]
                    break
                except subprocess.TimeoutExpired:
                    continue
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
    if process.returncode:
        raise explain(package.file, said)
