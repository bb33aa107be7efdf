/* One write(2) of /dev/mem across two pages, held at the first when the second is claimed. */
#include "attempt.h"
#include "hold.h"

static char *buffer;
static int file;

static void *writes(void *unused)
{
	ssize_t done = pwrite(file, buffer, PAGE, page - PAGE + AT + 8);

	printf("pwrite of 4096 bytes: %s %zd\n", error_of(done), done);
	return NULL;
}

static int attempt(void)
{
	pthread_t thread;

	buffer = missing_page();
	file = open("/dev/mem", O_RDWR | O_SYNC);
	pthread_create(&thread, NULL, writes, NULL);
	if (!is_touched())
		return printf("the write does not wait\n"), NOT_TRIED;
	claim();
	answer(buffer);
	pthread_join(thread, NULL);
	return landed();
}
