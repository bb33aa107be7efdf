"""Opening by mode, credentials and mount: a guest beside the model, in every combination."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from devmemkit.lab.guest.boot import Guest
from devmemkit.lab.guest.perform import perform
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.pci.sysfs import proc_path, resource_path
from devmemkit.scenarios.catalogue import before
from devmemkit.scenarios.play import Act, play

BDF = "0000:00:05.0"
FILES: dict[str, tuple[str, dict[str, Any]]] = {
    "/dev/mem": ("open_devmem", {}),
    "/dev/port": ("open_ioport", {}),
    resource_path(BDF, 2): ("open_resource", {"bdf": BDF, "bar": 2}),
    resource_path(BDF, 2, True): ("open_resource", {"bdf": BDF, "bar": 2, "wc": True}),
    proc_path(BDF): ("open_proc_pci", {"bdf": BDF}),
}
MODES = (0o600, 0o400, 0o200, 0o466, 0o022, 0o004, 0o060, 0o666)


def acts_of(path: str, bits: int, gives_up: str, options: str, mode: str) -> tuple[Act, ...]:
    """The administrator changes mode and mount, the process gives up what it may, then opens."""
    operation, where = FILES[path]
    open_mode = {} if operation == "open_proc_pci" else {"mode": mode}
    mount = f"/{path.split('/')[1]}"
    acts = (
        Act("chmod", "A", "chmod", {"path": path, "mode": bits}),
        Act("remount", "A", "remount", {"path": mount, "options": options}),
        Act("user", "P", gives_up, {"pid": "P"}),
        Act("open", "P", operation, {"pid": "P", **where, **open_mode}),
    )
    return tuple(act for act in acts if act.operation)


@pytest.mark.parametrize("path", FILES)
def test_an_open_ends_as_in_the_model(guest: Guest, kernel: Kernel, path: str) -> None:
    model = before("P", KernelProfile(kernel.version))
    ends = set()
    for given in product(MODES, ("", "setuid", "capset"), ("", "ro", "nodev"), ("r", "w", "rw")):
        acts = acts_of(path, *given)
        guest.do({"operation": "reset"})
        real = perform(guest, acts)
        assert not real.cannot
        ours, theirs = (
            {key: (one.ok, one.errno) for key, one in outcomes.items()}
            for outcomes in (play(model, acts).outcomes, real.outcomes)
        )
        assert ours == theirs, given
        ends.add(ours["open"])
    assert {(True, None), (False, "EACCES")} <= ends
