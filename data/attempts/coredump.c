/* The dump of a process that maps the page. Another process has put a number there that this one never
 * holds, so that the number can come from the page alone. */
#include "attempt.h"

static int holds(const char *text, size_t length, uint64_t value)
{
	return memmem(text, length, &value, 8) != NULL;
}

static void put_number(char *at)
{
	int file = open("/number", O_WRONLY | O_CREAT | O_TRUNC, 0600), source = open("/dev/urandom", O_RDONLY);
	uint64_t number;

	if (read(source, &number, 8) != 8 || write(file, &number, 8) != 8)
		_exit(1);
	*(volatile uint64_t *)(at + AT) = number;
	_exit(0);
}

/* Written by what dumps itself, to see that the dump has its data. */
static volatile uint64_t own[2];

static int attempt(void)
{
	char *at = must_map("/dev/mem", page, 1), *text;
	uint64_t number;
	struct stat about;
	int status, file;

	if (say("/proc/sys/kernel/core_pattern", "/core") ||
	    say("/proc/self/coredump_filter", "0x1ff"))
		give_up("core_pattern");
	if (!fork())
		put_number(at);
	wait(NULL);
	claim();
	if (!fork()) {
		static const struct { unsigned long soft, hard; } all = {~0UL, ~0UL};

		own[0] = getpid();
		own[1] = ~own[0];
		syscall(SYS_setrlimit, 4, &all); /* RLIMIT_CORE */
		printf("MADV_DODUMP: %s\n", error_of(madvise(at, PAGE, MADV_DODUMP)));
		signal(SIGABRT, SIG_DFL);
		abort();
	}
	number = ~(uint64_t)wait(&status);
	file = open("/core", O_RDONLY);
	if (!WCOREDUMP(status) || file < 0 || fstat(file, &about))
		return printf("no dump\n"), NOT_TRIED;
	text = mmap(NULL, about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	if (!holds(text, about.st_size, number))
		return printf("the dump has not the process's own data\n"), NOT_TRIED;
	close(file);
	file = open("/number", O_RDONLY);
	if (read(file, &number, 8) != 8)
		give_up("/number");
	status = holds(text, about.st_size, number);
	printf("the dump has the process's own data; what the page holds: %s\n", status ? "yes" : "no");
	unlink("/core");
	return ends(status);
}
