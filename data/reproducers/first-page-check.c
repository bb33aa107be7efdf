/* A page that a driver has claimed is mapped again: the check of resourceN looks at the first page
 * of the BAR only.
 *   first-page-check RESOURCE OFFSET ADDRESS DRIVER DEVICE
 * DEVICE, when it binds to DRIVER, claims the page at OFFSET of the file RESOURCE, which is
 * ADDRESS, but not its first page. 0: reproduced, 1: not, 2: could not be tried. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

static char *map(const char *file, unsigned long offset)
{
	int fd = open(file, O_RDWR | O_SYNC);

	return mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, offset);
}

int main(int count, char **word)
{
	if (count != 6)
		return fprintf(stderr, "expected RESOURCE OFFSET ADDRESS DRIVER DEVICE\n"), 2;
	unsigned long offset = strtoul(word[2], NULL, 0), address = strtoul(word[3], NULL, 0);

	say(word[4], "unbind", word[5]);
	if (map("/dev/mem", address) == MAP_FAILED || map(word[1], offset) == MAP_FAILED)
		return perror("mmap of the idle page"), 2;
	int error = say(word[4], "bind", word[5]);
	if (error)
		return fprintf(stderr, "bind: %s\n", strerror(error)), 2;
	if (map("/dev/mem", address) != MAP_FAILED)
		return printf("/dev/mem does not refuse it: nothing is claimed there\n"), 2;
	printf("claimed: refused through /dev/mem (%s), ", strerror(errno));
	char *page = map(word[1], offset);
	if (page == MAP_FAILED)
		return printf("refused through resourceN (%s)\n", strerror(errno)), 1;
	printf("mapped through resourceN, where it reads %#x\n", *(volatile unsigned *)page);
	return 0;
}
