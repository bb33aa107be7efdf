/* While it binds, nd_pmem lets go of its region and claims it again: a process that tries all the
 * time maps the info block in between.
 *   nd-pmem-gaps /dev/mem ADDRESS DRIVER DEVICE
 * DEVICE is a namespace at ADDRESS, DRIVER the folder of nd_pmem. 0: reproduced, 1: not (it may
 * have been missed: try again), 2: could not be tried. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int say(const char *directory, const char *file, const char *text)
{
	char path[256];
	int fd, error;

	snprintf(path, sizeof path, "%s/%s", directory, file);
	fd = open(path, O_WRONLY);
	error = fd < 0 || write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return error;
}

int main(int count, char **word)
{
	if (count != 5)
		return fprintf(stderr, "expected /dev/mem ADDRESS DRIVER DEVICE\n"), 2;
	unsigned long address = strtoul(word[2], NULL, 0);
	int fd = open(word[1], O_RDWR | O_SYNC), claimed = 0, gaps = 0, status;

	for (int try = 0; try < 100; try++) {
		say(word[3], "unbind", word[4]);
		pid_t binder = fork();
		if (!binder)
			_exit(say(word[3], "bind", word[4]));
		for (claimed = 0; !waitpid(binder, &status, WNOHANG);) {
			char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, address);
			gaps += claimed && page != MAP_FAILED; /* refused before, and not yet done */
			claimed = page == MAP_FAILED;
			if (!claimed)
				munmap(page, 4096);
		}
		if (status)
			return fprintf(stderr, "bind: %s\n", strerror(WEXITSTATUS(status))), 2;
		if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, address) != MAP_FAILED)
			return printf("nothing is claimed when the driver has bound\n"), 2;
	}
	printf("%d gaps seen while the driver was binding 100 times\n", gaps);
	return !gaps;
}
