/* A mapping that a claim has revoked is still in the driver's way (since 6.16): its cache type
 * stays reserved until it is unmapped, and the driver's ioremap fails.
 *   dead-mapping /dev/mem ADDRESS DRIVER DEVICE [uncached]
 * DEVICE, when it binds to DRIVER, claims the page at ADDRESS and maps it uncached. The mapping
 * here is write-back, unless "uncached". 0: reproduced, 1: not, 2: could not be tried. */
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

int main(int count, char **word)
{
	if (count != 5 && count != 6)
		return fprintf(stderr, "expected /dev/mem ADDRESS DRIVER DEVICE [uncached]\n"), 2;
	int fd = open(word[1], O_RDWR | (count == 6 ? O_SYNC : 0)), error;
	char bound[256];

	snprintf(bound, sizeof bound, "%s/%s", word[3], word[4]);
	say(word[3], "unbind", word[4]);
	error = say(word[3], "bind", word[4]);
	if (error || access(bound, F_OK) || say(word[3], "unbind", word[4]))
		return fprintf(stderr, "cannot bind %s: %s\n", word[4], strerror(error)), 2;
	char *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, strtoul(word[2], NULL, 0));
	if (at == MAP_FAILED)
		return perror("mmap"), 2;
	error = say(word[3], "bind", word[4]);
	if (!error && !access(bound, F_OK))
		return printf("the driver binds beside the dead mapping\n"), 1;
	printf("the driver binds, but not beside the dead mapping: %s\n", strerror(error));
	return 0;
}
