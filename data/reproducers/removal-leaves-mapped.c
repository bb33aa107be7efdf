/* A device is removed, and a mapping through its resource file stays (since 5.12; before, the
 * removal of the file ended it).
 *   removal-leaves-mapped DEVICE N
 * DEVICE is its folder below /sys/bus/pci/devices, N the number of its BAR. It removes the device.
 * 0: reproduced, 1: not, 2: could not be tried. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
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
	if (count != 3)
		return fprintf(stderr, "expected DEVICE N\n"), 2;
	char resource[256];
	snprintf(resource, sizeof resource, "%s/resource%s", word[1], word[2]);
	int fd = open(resource, O_RDWR | O_SYNC);
	char *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	signal(SIGBUS, caught);
	if (at == MAP_FAILED)
		return perror(resource), 2;
	if (!alive(at))
		return printf("the page cannot be read\n"), 2;
	int error = say(word[1], "remove", "1");
	if (error || !access(resource, F_OK))
		return fprintf(stderr, "remove: %s\n", strerror(error)), 2;
	printf("device removed, its page %s\n", alive(at) ? "still mapped" : "gone");
	return !alive(at);
}
