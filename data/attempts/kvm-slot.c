/* A virtual machine has the mapping as its memory, and reads on after the claim. */
#include "attempt.h"
#include <linux/kvm.h>

static const unsigned char code[] = {
	0xb8, 0x00, 0x10, /* mov ax, 0x1000 */
	0x8e, 0xd8,       /* mov ds, ax */
	0xa1, AT, 0x00,   /* again: mov ax, [AT] */
	0xe7, 0x10,       /* out 0x10, ax */
	0xeb, 0xf9,       /* jmp again */
};

static int attempt(void)
{
	char *at = must_map("/dev/mem", page, 1), *own;
	int kvm = open("/dev/kvm", O_RDWR), vm, cpu;
	struct kvm_userspace_memory_region slot = {.memory_size = PAGE};
	struct kvm_regs regs = {.rflags = 2};
	struct kvm_sregs sregs;
	struct kvm_run *run;
	uint16_t got = 0;

	vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	cpu = vm < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
	if (cpu < 0)
		give_up("/dev/kvm");
	own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memcpy(own, code, sizeof code);
	slot.userspace_addr = (uint64_t)own;
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot))
		give_up("memory slot");
	slot.slot = 1;
	slot.guest_phys_addr = 0x10000;
	slot.userspace_addr = (uint64_t)at;
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot))
		give_up("memory slot of the mapping");
	run = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, cpu,
		   0);
	ioctl(cpu, KVM_GET_SREGS, &sregs);
	sregs.cs.base = sregs.cs.selector = 0;
	if (ioctl(cpu, KVM_SET_SREGS, &sregs) || ioctl(cpu, KVM_SET_REGS, &regs))
		give_up("registers");
	for (int i = 0; i < 2; i++) {
		long done;

		if (i)
			claim();
		done = ioctl(cpu, KVM_RUN, 0);
		if (done < 0) {
			printf("KVM_RUN: %s\n", strerrorname_np(errno));
			return i ? NOT_REACHED : NOT_TRIED;
		}
		if (run->exit_reason != KVM_EXIT_IO)
			return printf("exit %d\n", run->exit_reason), i ? NOT_REACHED : NOT_TRIED;
		got = *(uint16_t *)((char *)run + run->io.data_offset);
		printf("the guest reads: %#x\n", got);
		if (!i && got != (uint16_t)SECRET)
			return NOT_TRIED;
	}
	return ends(got == (uint16_t)SECRET);
}
