/* A claim that starts and ends within pages leaves its last page mapped (all kernels since 5.8).
 *   unaligned-claim /dev/mem START SIZE DRIVER DEVICE
 * DEVICE, when it binds to DRIVER (a folder below /sys/bus), claims START+SIZE, over two pages.
 * In a virtual machine: it maps physical memory. 0: reproduced, 1: not, 2: could not be tried. */
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
	if (count != 6)
		return fprintf(stderr, "expected /dev/mem START SIZE DRIVER DEVICE\n"), 2;
	unsigned long start = strtoul(word[2], NULL, 0), size = strtoul(word[3], NULL, 0);
	unsigned long first = start & ~4095UL, last = (start + size - 1) & ~4095UL;
	int fd = open(word[1], O_RDWR | O_SYNC), error;

	signal(SIGBUS, caught);
	say(word[4], "unbind", word[5]);
	char *at = mmap(NULL, last - first + 4096, PROT_READ, MAP_SHARED, fd, first);
	if (at == MAP_FAILED)
		return perror("mmap"), 2;
	if ((error = say(word[4], "bind", word[5])))
		return fprintf(stderr, "bind: %s\n", strerror(error)), 2;
	if (alive(at))
		return printf("nothing was revoked\n"), 2;
	printf("first page gone, last page %s\n", alive(at + last - first) ? "mapped" : "gone");
	return !alive(at + last - first);
}
