/* A write to /dev/mem whose bytes are still missing lands in pages that a driver claims meanwhile.
 *   held-write /dev/mem ADDRESS DRIVER DEVICE [late]
 * DRIVER is the folder of DEVICE's driver, which claims 16 pages at ADDRESS; they are overwritten.
 * late: the writes begin after the claim. 0: reproduced, 1: not, 2: could not be tried. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { COUNT = 16, PAGE = 4096, SIZE = COUNT * PAGE };
static char bytes[SIZE], missing[SIZE] __attribute__((aligned(4096)));
static _Atomic int ended;
static long mem, address;

static int say(const char *file, const char *device)
{
	int fd = open(file, O_WRONLY), failed = write(fd, device, strlen(device)) < 0;
	return close(fd), failed;
}

static void *copy(void *page)
{
	ended += pwrite(mem, page, PAGE, address + ((char *)page - missing)) != 0;
	return NULL;
}

int main(int count, char **word)
{
	if (count < 5)
		return fprintf(stderr, "expected /dev/mem ADDRESS DRIVER DEVICE [late]\n"), 2;
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {{(long)missing, SIZE}, UFFDIO_REGISTER_MODE_MISSING, 0};
	struct uffd_msg fault;
	pthread_t thread[COUNT];
	int uffd = syscall(SYS_userfaultfd, O_NONBLOCK), waiting = 0, landed = 0, late = count > 5;
	mem = open(word[1], O_RDWR);
	if (sscanf(word[2], "%li", &address) != 1 || chdir(word[3]) ||
	    pwrite(mem, bytes, SIZE, address) != SIZE || ioctl(uffd, UFFDIO_API, &api) ||
	    ioctl(uffd, UFFDIO_REGISTER, &range) || (late && say("bind", word[4])))
		return printf("cannot be prepared: %m\n"), 2;
	for (int n = 0; n < COUNT; n++)
		pthread_create(thread + n, NULL, copy, missing + n * PAGE);
	while (waiting + ended < COUNT) /* until each waits for its page, or was refused */
		waiting += read(uffd, &fault, sizeof fault) > 0;
	if ((!late && say("bind", word[4])) || pwrite(mem, bytes, 1, address) == 1)
		return printf("%s does not bind, or claims nothing there\n", word[4]), 2;
	memset(bytes, 1, SIZE);
	ioctl(uffd, UFFDIO_COPY, &(struct uffdio_copy){(long)missing, (long)bytes, SIZE, 0, 0});
	for (int n = 0; n < COUNT; n++)
		pthread_join(thread[n], NULL);
	say("unbind", word[4]);
	for (int n = pread(mem, bytes, SIZE, address) / PAGE; n--;)
		landed += bytes[n * PAGE];
	return printf("%d of %d writes landed in claimed pages\n", landed, COUNT), !landed;
}
