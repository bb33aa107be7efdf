/* A disk reads into the mapping by O_DIRECT: its transfer would not ask the page tables again. */
#include "attempt.h"

static int attempt(void)
{
	char *at = must_map("/dev/mem", page, 1);
	char *own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int disk = -1;

	for (int i = 0; i < 500 && (disk = open("/dev/nvme0n1", O_RDWR | O_DIRECT)) < 0; i++)
		usleep(10000);
	if (disk < 0)
		give_up("/dev/nvme0n1");
	printf("read into own memory: %s\n", error_of(pread(disk, own, PAGE, 0)));
	claim();
	printf("read into the mapping: %s\n", error_of(pread(disk, at, PAGE, 0)));
	printf("write from the mapping: %s\n", error_of(pwrite(disk, at, PAGE, 0)));
	return landed();
}
