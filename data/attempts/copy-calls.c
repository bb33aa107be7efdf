/* Copies inside the kernel: sendfile, splice, copy_file_range, from and to /dev/mem. */
#include "attempt.h"

static int attempt(void)
{
	int mem = open("/dev/mem", O_RDWR | O_SYNC), pair[2], file;
	uint64_t got = 0, mark = MARK;
	off_t at = page + AT, zero = 0;
	ssize_t done;

	file = open("/file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (mem < 0 || file < 0 || pipe(pair) || pwrite(file, &mark, 8, 0) != 8)
		give_up("files");
	claim();
	printf("sendfile from it: %s\n", error_of(done = syscall(SYS_sendfile, pair[1], mem, &at, 8)));
	if (done == 8 && read(pair[0], &got, 8) == 8 && got == SECRET)
		return REACHED;
	printf("splice from it: %s\n", error_of(splice(mem, &at, pair[1], NULL, 8, 0)));
	printf("copy_file_range from it: %s\n", error_of(copy_file_range(mem, &at, file, &zero, 8, 0)));
	zero = 0;
	lseek(mem, page + AT, SEEK_SET);
	printf("sendfile to it: %s\n", error_of(syscall(SYS_sendfile, mem, file, &zero, 8)));
	if (write(pair[1], &mark, 8) != 8)
		give_up("pipe");
	printf("splice to it: %s\n", error_of(splice(pair[0], NULL, mem, &at, 8, 0)));
	return landed();
}
