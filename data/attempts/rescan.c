/* The device is removed and found again: the driver's claim of a part of its BAR may be lost. */
#include "attempt.h"

static int attempt(void)
{
	char *old = must_map("/dev/mem", page, 1), *at;
	uint64_t start = 0, offset;
	FILE *lines = fopen(IVSHMEM "resource", "r");
	int reached;

	for (int i = 0; lines && i < 3; i++)
		if (fscanf(lines, "%lx %*x %*x", &start) != 1)
			give_up(IVSHMEM "resource");
	fclose(lines);
	offset = page - start;
	claim();
	if (say(IVSHMEM "remove", "1") || say("/sys/bus/pci/rescan", "1"))
		give_up("remove and rescan");
	lines = fopen(IVSHMEM "resource", "r");
	for (int i = 0; lines && i < 3; i++)
		if (fscanf(lines, "%lx %*x %*x", &start) != 1)
			give_up(IVSHMEM "resource");
	printf("the BAR is %s; the driver is %s\n",
	       start + offset == page ? "where it was" : "elsewhere",
	       is_claimed() ? "still bound" : "not bound");
	say(IVSHMEM "enable", "1");
	reached = reads("old mapping", old);
	at = map("/dev/mem", start + offset, 1);
	printf("/dev/mem: %s\n", at ? "works" : strerrorname_np(errno));
	reached |= at && reads("load", at);
	at = map(IVSHMEM "resource2", offset, 1);
	printf("resource2: %s\n", at ? "works" : strerrorname_np(errno));
	reached |= at && reads("load", at);
	return ends(reached);
}
