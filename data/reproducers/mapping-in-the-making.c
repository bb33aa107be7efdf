/* A mapping in the making survives a claim: checked before it, found by no revocation.
 *   mapping-in-the-making FILE OFFSET LENGTH DRIVER DEVICE [LATE]
 * DEVICE claims the page at OFFSET of FILE when it binds to DRIVER, LATE microseconds later.
 * LENGTH: 1 GiB is plenty. 0: reproduced, 1: not in 40 tries, 2: could not be tried. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static sigjmp_buf gone;
static void caught(int signal)
{
	siglongjmp(gone, signal);
}

static int say(const char *directory, const char *file, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", directory, file);
	int fd = open(path, O_WRONLY), failed = write(fd, text, strlen(text)) < 0;
	close(fd);
	return failed;
}

int main(int count, char **word)
{
	if (count != 6 && count != 7)
		return fprintf(stderr, "expected FILE OFFSET LENGTH DRIVER DEVICE [LATE]\n"), 2;
	unsigned long offset = strtoul(word[2], NULL, 0), length = strtoul(word[3], NULL, 0);
	static unsigned int survived, late;
	int fd = open(word[1], O_RDWR | O_SYNC), status;
	signal(SIGBUS, caught);
	late = count == 7 ? atoi(word[6]) : 0;
	say(word[4], "unbind", word[5]);
	clock_t took = -clock();
	munmap(mmap(NULL, length, PROT_READ, MAP_SHARED, fd, offset), length);
	took += clock(); /* in microseconds, on Linux */
	if (say(word[4], "bind", word[5]) ||
	    mmap(NULL, length, PROT_READ, MAP_SHARED, fd, offset) != MAP_FAILED)
		return printf("%s does not bind, or claims nothing there\n", word[5]), 2;
	for (int try = 1; try <= 40; try++) {
		say(word[4], "unbind", word[5]);
		pid_t claimer = fork();
		if (!claimer) /* it claims a little later each time */
			_exit((usleep(late + took * try / 40), say(word[4], "bind", word[5])));
		volatile char *at = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, offset);
		if (waitpid(claimer, &status, 0) > 0 && !status && at != MAP_FAILED)
			survived += !sigsetjmp(gone, 1) && (*at, 1);
		munmap((void *)at, length);
	}
	printf("%u of 40 mappings survived a claim that came meanwhile\n", survived);
	return !survived;
}
