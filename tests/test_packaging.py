"""The lock, the environments that install it, the citation, and what an import costs."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import devmemkit
from devmemkit.lab.guest.initramfs import USERLANDS
from devmemkit.lab.guest.machine import BOARDS

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]


def locked() -> dict[str, tuple[Requirement, list[str]]]:
    """Each entry of the lock: name -> (pinned requirement, its hashes)."""
    text = re.sub(r"^\s*#.*\n", "", LOCK, flags=re.MULTILINE).replace("\\\n", " ")
    entries = {}
    for line in text.splitlines():
        pin, *hashes = line.split(" --hash=")
        requirement = Requirement(pin.strip())
        entries[canonicalize_name(requirement.name)] = (requirement, [h.strip() for h in hashes])
    return entries


def required(extra: str) -> set[str]:
    """Requirements of an extra, those of the extras that it names included."""
    found = set()
    for line in PROJECT["optional-dependencies"][extra]:
        requirement = Requirement(line)
        if requirement.name == PROJECT["name"]:
            found |= {one for inner in requirement.extras for one in required(inner)}
        else:
            found.add(line)
    return found


def test_every_entry_of_the_lock_is_pinned_and_hashed() -> None:
    for name, (requirement, hashes) in locked().items():
        assert [one.operator for one in requirement.specifier] == ["=="], name
        assert hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), name


def test_the_lock_names_no_place() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^\s*(-i|-f|--index|--extra-index|--find-links|-e|-r|-c)", LOCK, re.M)
    assert not re.search(r"(^|[\s=])/\w", LOCK), "an absolute path"


def test_the_lock_satisfies_extra_all_and_the_build() -> None:
    extras = set(PROJECT["optional-dependencies"]) - {"all"}
    assert required("all") == {one for extra in extras for one in required(extra)}
    entries = locked()
    for line in required("all") | set(PYPROJECT["build-system"]["requires"]):
        requirement = Requirement(line)
        pin = entries[canonicalize_name(requirement.name)][0]
        version = Version(next(iter(pin.specifier)).version)
        assert pin.marker is None, f"{line} is not locked for every machine"
        assert requirement.specifier.contains(version), f"{line} is locked at {version}"


def test_every_imported_package_is_in_an_extra() -> None:
    of_module = packages_distributions()
    declared = {canonicalize_name(Requirement(line).name) for line in required("all")}
    for path in [one for part in ("devmemkit", "tests") for one in (ROOT / part).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                distributions = of_module.get(name.partition(".")[0], [])
                given = {canonicalize_name(one) for one in distributions} - {PROJECT["name"]}
                assert not given or given & declared, f"{path}: {name} is in no extra"


def test_environment_yml_installs_the_lock_and_nothing_else() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["name"] == PROJECT["name"]
    python, pip, from_pip = environment["dependencies"]
    assert pip == "pip"
    assert from_pip == {"pip": ["-r requirements.lock"]}
    resolved_on = re.search(r"--python-version ([\d.]+)", LOCK)
    assert resolved_on is not None
    assert python == f"python={resolved_on[1]}"
    assert PROJECT["requires-python"] == f">={resolved_on[1]}"


def test_citation_agrees_with_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert PROJECT["dynamic"] == ["version"]  # it stands in devmemkit/__init__.py
    assert metadata.version("devmemkit") == devmemkit.__version__ == citation["version"]
    assert citation["authors"] == PROJECT["authors"] == [{"name": "The devmemkit authors"}]
    assert citation["license"] == "MIT"
    assert PROJECT["license"] == "MIT AND CC-BY-4.0"
    assert not {"doi", "identifiers", "url", "repository-code"} & set(citation)


def test_codemeta_agrees_with_the_package() -> None:
    meta = json.loads((ROOT / "codemeta.json").read_text(encoding="utf-8"))
    assert meta["@context"] == "https://w3id.org/codemeta/3.0"
    assert (meta["name"], meta["version"]) == (PROJECT["name"], devmemkit.__version__)
    assert meta["description"] == PROJECT["description"]
    assert meta["keywords"] == PROJECT["keywords"]
    assert [{"name": one["name"]} for one in meta["author"]] == PROJECT["authors"]
    licences = [one.removeprefix("https://spdx.org/licenses/") for one in meta["license"]]
    assert " AND ".join(licences) == PROJECT["license"]
    assert meta["runtimePlatform"] == f"Python {PROJECT['requires-python'][2:]} or newer"
    for page in ("readme", "softwareHelp", "releaseNotes"):
        assert (ROOT / meta[page]).is_file()


def test_changelog_has_the_version_with_the_date_of_the_citation() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", text, re.M)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    meta = json.loads((ROOT / "codemeta.json").read_text(encoding="utf-8"))
    released = str(citation["date-released"])
    assert heads[:2] == [("Unreleased", ""), (devmemkit.__version__, released)]
    assert meta["dateModified"] == released
    kinds = set(re.findall(r"^### (.+)$", text, re.M))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_what_was_read_and_keeps_no_credentials(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["jobs"]
    used = []
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] == 40
        for step in job["steps"]:
            if "uses" not in step:
                continue
            used.append(step["uses"])
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
            assert re.search(rf"uses: {re.escape(step['uses'])} # v\d+\.\d+\.\d+$", text, re.M)
            if step["uses"].startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
    assert any(one.startswith("actions/checkout@") for one in used)


def test_one_job_alone_may_publish_and_on_the_default_branch_alone() -> None:
    more = {}
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, job in workflow["jobs"].items():
            if "permissions" in job:
                more[path.name, name] = job
    [(where, job)] = more.items()
    assert where == ("pages.yml", "publish")
    assert job["permissions"] == {"pages": "write", "id-token": "write"}
    assert not any("run" in step for step in job["steps"]), "it runs nothing of the checkout"
    first = yaml.safe_load(WORKFLOWS[-1].read_text(encoding="utf-8"))["jobs"][job["needs"]]
    assert first["if"] == "github.ref_name == github.event.repository.default_branch"


def test_licences_are_where_tools_look_and_what_they_know() -> None:
    lines = (ROOT / "LICENSE").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "MIT License"
    assert lines[2].startswith("Copyright (c) ")
    assert lines[4].startswith("Permission is hereby granted, free of charge")
    assert lines[-1] == "SOFTWARE."
    assert "CC-BY-4.0" not in "".join(lines)
    data = (ROOT / "data" / "LICENSE").read_text(encoding="utf-8").splitlines()
    assert data[0] == "Creative Commons Attribution 4.0 International Public License (CC-BY-4.0)"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("\n## Licence and citation\n")[2].partition("\n## ")[0]
    for part in ("MIT", "[LICENSE](LICENSE)", "CC-BY-4.0", "[data/LICENSE](data/LICENSE)"):
        assert part in section


@pytest.mark.parametrize(
    "command", ["devmemkit reproduce --out report", "-m pytest"], ids=["reproduce", "test"]
)
def test_readme_gives_each_command_on_one_line_with_its_set_up(command: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    (line,) = [one for one in lines if "-m venv" in one and one.endswith(command)]
    assert "requirements.lock" in line


@pytest.mark.parametrize("page", ["README.md", "docs/artifact.md", ".ci/run"])
def test_the_packages_that_a_guest_needs_are_named(page: str) -> None:
    words = set(re.findall(r"[\w-]+", (ROOT / page).read_text(encoding="utf-8")))
    assert {board.package for board in BOARDS.values()} <= words
    assert {one for made in USERLANDS.values() for one in (made.compiler, made.library)} <= words


def python(code: str) -> Any:
    """What `code`, run in a fresh interpreter, prints as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_core_imports_the_standard_library_only() -> None:
    new = python("""
import json, pkgutil, sys
before = set(sys.modules)
import devmemkit, devmemkit.cli, devmemkit.model
for module in pkgutil.walk_packages(devmemkit.model.__path__, "devmemkit.model."):
    __import__(module.name)
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
""")
    assert "devmemkit" in new
    assert set(new) - {"devmemkit"} <= sys.stdlib_module_names
