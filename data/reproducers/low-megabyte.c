/* A claim below 1 MiB revokes nothing: both its ends are allowed to /dev/mem for ever.
 *   low-megabyte /dev/mem ADDRESS FILE TEXT
 * TEXT, when it is written to FILE, lets a driver claim the page at ADDRESS, such as
 * "add,kcs,mem,ADDRESS" for /sys/module/ipmi_si/parameters/hotmod (which lets go of it again).
 * 0: reproduced, 1: not, 2: could not be tried. An ADDRESS above 1 MiB is its control: 1. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static sigjmp_buf gone;

static void caught(int signal)
{
	siglongjmp(gone, signal);
}

static int alive(volatile char *page)
{
	return sigsetjmp(gone, 1) ? 0 : (*page, 1);
}

int main(int count, char **word)
{
	if (count != 5)
		return fprintf(stderr, "expected /dev/mem ADDRESS FILE TEXT\n"), 2;
	int memory = open(word[1], O_RDWR | O_SYNC), file = open(word[3], O_WRONLY);

	signal(SIGBUS, caught);
	char *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, memory, strtoul(word[2], NULL, 0));
	if (at == MAP_FAILED)
		return perror("mmap"), 2;
	if (!alive(at))
		return printf("the page cannot be read\n"), 2;
	if (write(file, word[4], strlen(word[4])) < 0)
		return perror(word[3]), 2;
	printf("claimed, and the page is %s\n", alive(at) ? "still mapped" : "gone");
	return !alive(at);
}
