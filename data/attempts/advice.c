/* Calls that might fill a page in again: process_madvise, move_pages, mbind, mlock2, by another task. */
#include "attempt.h"

static int attempt(void)
{
	char *at = must_map("/dev/mem", page, 1);
	struct iovec range = {at, PAGE};
	static const int advice[] = {3, 20, 21, 22, 23, 25}; /* WILLNEED to COLLAPSE */
	int self = syscall(SYS_pidfd_open, getpid(), 0), node = 0, status = 0;
	unsigned long nodes = 1;
	void *pages[] = {at};
	pid_t child;

	claim();
	child = fork();
	if (!child) {
		for (size_t i = 0; i < sizeof advice / sizeof *advice; i++)
			printf("process_madvise %d: %s\n", advice[i],
			       error_of(syscall(SYS_process_madvise, self, &range, 1, advice[i], 0)));
		_exit(0);
	}
	waitpid(child, NULL, 0);
	printf("move_pages: %s, status %d\n",
	       error_of(syscall(SYS_move_pages, 0, 1UL, pages, &node, &status, 2)), status);
	printf("mbind: %s\n", error_of(syscall(SYS_mbind, at, PAGE, 2, &nodes, 8UL, 3)));
	printf("mlock2: %s\n", error_of(syscall(SYS_mlock2, at, PAGE, 0)));
	printf("mincore: %s\n", error_of(mincore(at, PAGE, (unsigned char *)&nodes)));
	return ends(reads("load", at));
}
