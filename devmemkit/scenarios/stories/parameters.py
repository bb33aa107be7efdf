"""What the stories with parameters share: a kernel, its policy and a recorded machine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.process.task import new_task
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.machines import load_machine
from devmemkit.scenarios.play import Act, Played, play

AS_RELEASED = "as released"
"""The policy parameter's value for the kernel's own policy."""


def check_claim(offset: int, size: int, within: tuple[int, str], until: tuple[int, str]) -> None:
    """ValueError unless a claim begins in the bytes `within`, and ends in those `until`."""
    if not 0 <= offset < within[0]:
        raise ValueError(
            f"claim_offset: expected less than {within[0]:#x}, {within[1]}, got {offset:#x}"
        )
    if size < 0 or offset + size > until[0]:
        raise ValueError(
            f"claim_offset + claim_size: expected at most {until[0]:#x}, {until[1]}, got "
            f"{offset + size:#x}"
        )


@dataclass(frozen=True)
class ParameterStory(ABC):
    """A story on a kernel and a machine; `pids` are the processes that are there from the start."""

    kernel: str = "6.12"
    policy: str = AS_RELEASED
    machine: str = "qemu-6.12"
    pids: ClassVar[str] = "P"

    @property
    def profile(self) -> KernelProfile:
        """The kernel, with its machine's architecture."""
        return self.before.kernel

    @cached_property
    def before(self) -> Machine:
        """The machine with the story's processes, no driver loaded."""
        policy = None if self.policy == AS_RELEASED else self.policy
        tasks = {key: part for pid in self.pids for key, part in new_task(pid).items()}
        kernel = KernelProfile(self.kernel, policy_name=policy)
        return load_machine(self.machine, kernel).with_(tasks)

    @property
    @abstractmethod
    def acts(self) -> tuple[Act, ...]:
        """The story, in order."""

    @property
    @abstractmethod
    def node(self) -> Resource:
        """The resource that the story is about."""

    @property
    @abstractmethod
    def pages(self) -> int:
        """How many of its pages are mapped."""

    @property
    @abstractmethod
    def claim(self) -> tuple[int, int]:
        """The claimed bytes, first and last physical address."""

    @cached_property
    def played(self) -> Played:
        """The story, played on the model."""
        return play(self.before, self.acts)
