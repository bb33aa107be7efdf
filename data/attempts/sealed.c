/* A sealed mapping: the claim might not be allowed to change it. */
#include "attempt.h"

static int attempt(void)
{
	char *at = must_map("/dev/mem", page, 1);

	if (syscall(462, at, PAGE, 0)) /* mseal */
		give_up("mseal");
	claim();
	printf("MAP_FIXED over it: %s\n",
	       mmap(at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED
	       ? strerrorname_np(errno) : "works");
	return ends(reads("load", at));
}
