"""Playing acts in order, with actors that wait."""

from devmemkit.model import flags as fl
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.process.task import new_task
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.play import SETTLE, Act, Ref, play


def machine(**policy: str) -> Machine:
    root = Resource(0, (1 << 40) - 1, "PCI mem", fl.IORESOURCE_MEM)
    parts = new_task("P")
    parts |= {"iomem": root, "iomem_inode": True, "clock": 0}
    return Machine(KernelProfile("6.12", policy_name=policy.get("policy")), parts)


CLAIM = {"start": 0x1000_0000, "size": 0x1000}
MAP = (
    Act("open", "P", "open_devmem", {"pid": "P"}),
    Act("map", "P", "mmap_devmem",
        {"pid": "P", "fd": Ref("open"), "offset": 0x1000_0000, "length": 0x2000}),
)  # fmt: skip


def test_an_act_that_needs_a_failed_one_is_left_out() -> None:
    needs = (
        Act("first", "D", "request_mem_region", CLAIM),
        Act("second", "E", "request_mem_region", CLAIM),
        Act("gone", "E", "release_mem_region", CLAIM, needs="second"),
        Act("freed", "D", "release_mem_region", CLAIM, needs="first"),
    )
    played = play(machine(), needs)
    assert played.outcomes["second"].errno == "EBUSY"
    assert played.outcomes["second"].conflict == "10000000-10000fff : driver"
    assert "gone" not in played.outcomes
    assert played.outcomes["freed"].value == 1


def test_a_claim_in_its_grace_goes_on_when_the_process_unmaps() -> None:
    acts = (
        *MAP,
        Act("claim", "D", "request_mem_region", CLAIM),
        Act("look", "P", "load", {"pid": "P", "address": Ref("map")}),
        Act("leave", "P", "munmap", {"pid": "P", "address": Ref("map"), "length": 0x2000}),
        Act("again", "P", "load", {"pid": "P", "address": Ref("map")}),
    )
    played = play(machine(policy="RevokeAfterGrace"), acts)
    assert played.outcomes["look"].ok
    assert played.outcomes["again"].si_code == "SEGV_MAPERR"
    last = played.moments[-1].machine
    assert last["clock"] == 0  # it did not have to wait for the end of the grace
    assert last["notices", "P"] == ((0x1000_0000, 0x1000_0FFF),)
    order = [played.acts[m.act].key for m in played.moments]
    assert order.index("leave") < len(order) - 1 - order[::-1].index("claim")


def test_a_process_that_ignores_the_notice_is_revoked_when_time_has_passed() -> None:
    acts = (
        *MAP,
        Act("claim", "D", "request_mem_region", CLAIM),
        Act("settle", "D", SETTLE),
        Act("look", "P", "load", {"pid": "P", "address": Ref("map")}),
        Act("beyond", "P", "load", {"pid": "P", "address": Ref("map", 0x1000)}),
    )
    played = play(machine(policy="RevokeAfterGrace"), acts)
    assert played.outcomes["look"].signal == "SIGBUS"
    assert played.outcomes["beyond"].ok
    assert played.moments[-1].machine["clock"] == 100
    assert "passes" in played.steps("claim")


def test_earlier_moments_do_not_change_when_the_story_goes_on() -> None:
    short, long = (
        play(machine(), MAP),
        play(machine(), (*MAP, Act("c", "D", "request_mem_region", CLAIM))),
    )
    assert [m.machine for m in short.moments] == [
        m.machine for m in long.moments[: len(short.moments)]
    ]
    assert long.after("c") != long.after("map")
    assert long.before == short.before
