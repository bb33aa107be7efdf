/* A debugger's write to /proc/PID/mem, under way when the claim comes: its buffer is not there yet. */
#include "attempt.h"
#include "hold.h"

static char *at, *buffer;
static int file;

static void *writes(void *unused)
{
	ssize_t done = pwrite(file, buffer, 8, (off_t)(at + AT));

	printf("pwrite: %s %zd\n", error_of(done), done);
	return NULL;
}

static int attempt(void)
{
	pthread_t thread;

	at = must_map("/dev/mem", page, 1);
	buffer = missing_page();
	file = open("/proc/self/mem", O_RDWR);
	if (file < 0)
		give_up("/proc/self/mem");
	pthread_create(&thread, NULL, writes, NULL);
	if (!is_touched())
		return printf("the write does not wait\n"), NOT_TRIED;
	claim();
	answer(buffer);
	pthread_join(thread, NULL);
	return landed();
}
