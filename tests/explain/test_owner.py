"""The machine without a claim: one device's, and no other's of the same driver."""

from __future__ import annotations

from devmemkit.explain.cases import Machines
from devmemkit.explain.owner import owner_of, unbound
from devmemkit.model.iomem import parse
from devmemkit.model.machine import Machine, View
from devmemkit.model.strict import iomem_is_exclusive
from tests.explain.known import known

TEXT = """\
00001000-0009ffff : System RAM
fe000000-fe0fffff : PCI Bus 0000:00
  fe000000-fe003fff : 0000:00:03.0
    fe000000-fe003fff : e1000
  fe004000-fe007fff : 0000:00:04.0
    fe004000-fe007fff : e1000
  fe008000-fe008fff : 0000:00:03.0
    fe008000-fe008fff : e1000
fed00000-fed003ff : HPET 0
"""


def described() -> Machine:
    machines = Machines(known(iomem=parse(TEXT)))
    return machines.machine(next(machines.cases())[1])


def test_a_driver_gives_up_one_device_and_keeps_another() -> None:
    machine = described()
    owner, path = owner_of(machine, 0xFE000)
    assert owner == ("e1000", 0xFE00_0000, 0xFE00_3FFF)
    assert path == ("PCI Bus 0000:00", "0000:00:03.0")
    freed = unbound(machine, owner)
    assert freed is not None
    taken = [page for page in range(0xFE000, 0xFE009) if iomem_is_exclusive(View(freed), page)]
    assert taken == [0xFE004, 0xFE005, 0xFE006, 0xFE007]
    assert iomem_is_exclusive(View(machine), 0xFE008)  # the machine that was given is as it was


def test_what_no_driver_claimed_is_not_given_up() -> None:
    machine = described()
    for page in (1, 0xFE0FF, 0xA0000):
        assert unbound(machine, owner_of(machine, page)[0]) is None
