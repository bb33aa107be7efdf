/* What the attempts share. Each is run as
 *   NAME MODE ADDRESS
 * ADDRESS is a page of idle device memory, which the driver ramoops claims when it binds. MODE is
 *   claim   the attempt: prepare, let the driver claim, go on
 *   none    the control: the same without the claim
 *   late    the other control: the driver claims, then a process maps and reads as usual
 * 0: the bytes of the page were reached (when the claim had returned), 1: not, 2: could not be tried.
 * The page holds SECRET at AT; one that is written gets MARK, and is looked at after the release. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define AT 0x40
#define SECRET 0x5ec2e75ec2e75ec2UL
#define MARK 0xbadbadbadbadbadUL
#define RAMOOPS "/sys/bus/platform/drivers/ramoops/"
#define IVSHMEM "/sys/bus/pci/devices/0000:00:05.0/"
enum { REACHED, NOT_REACHED, NOT_TRIED };

static const char *mode;
static uint64_t page; /* the address */
static __thread sigjmp_buf on_trap;
static volatile int trap_signal, trap_code;


static inline void trapped(int signal, siginfo_t *info, void *context)
{
	trap_signal = signal;
	trap_code = info->si_code;
	siglongjmp(on_trap, 1);
}

static inline const char *error_of(long result)
{
	return result < 0 ? strerrorname_np(errno) : "works";
}

static void give_up(const char *what)
{
	printf("%s: %s\n", what, strerrorname_np(errno));
	exit(NOT_TRIED);
}

static inline int say(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), error = 0;

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		error = errno;
	close(fd);
	errno = error;
	return error ? -1 : 0;
}

static int is_claimed(void)
{
	return !access(RAMOOPS "ramoops", F_OK);
}

static inline void release(void)
{
	if (is_claimed() && say(RAMOOPS "unbind", "ramoops"))
		give_up("unbind");
}

/* The driver claims, unless this is the control. */
static inline void claim(void)
{
	if (strcmp(mode, "none") && (say(RAMOOPS "bind", "ramoops") || !is_claimed()))
		give_up("bind");
}

/* Map pages of a file, or NULL. */
static inline char *map(const char *path, uint64_t offset, size_t pages)
{
	int fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC), error;
	void *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	error = errno;
	close(fd);
	errno = error;
	return at == MAP_FAILED ? NULL : at;
}

static inline char *must_map(const char *path, uint64_t offset, size_t pages)
{
	char *at = map(path, offset, pages);

	if (!at)
		give_up(path);
	return at;
}

/* Read 8 bytes, print how that ended; whether they are the secret. */
static inline int reads(const char *what, volatile char *at)
{
	uint64_t got;

	if (sigsetjmp(on_trap, 1)) {
		printf("%s: %s, code %d\n", what, trap_signal == SIGBUS ? "SIGBUS" : "SIGSEGV",
		       trap_code);
		return 0;
	}
	got = *(volatile uint64_t *)(at + AT);
	printf("%s: %#lx\n", what, got);
	return got == SECRET;
}

static inline int ends(int reached)
{
	return reached ? REACHED : NOT_REACHED;
}

/* After the release: whether the page has `MARK`. */
static inline int landed(void)
{
	char *at;
	uint64_t got;

	release();
	at = must_map("/dev/mem", page, 1);
	got = *(volatile uint64_t *)(at + AT);
	munmap(at, PAGE);
	printf("the page then holds: %#lx\n", got);
	return ends(got == MARK);
}

static inline int as_usual(void)
{
	char *at = map("/dev/mem", page, 1);

	printf("mmap of /dev/mem: %s\n", at ? "works" : strerrorname_np(errno));
	return ends(at && reads("load", at));
}

#ifndef OWN_MAIN
static int attempt(void);

int main(int count, char **word)
{
	struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_NODEFER};
	char *at;
	int status;

	setbuf(stdout, NULL);
	if (count != 3)
		return printf("expected MODE ADDRESS\n"), NOT_TRIED;
	mode = word[1];
	page = strtoul(word[2], NULL, 0);
	release();
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	at = must_map("/dev/mem", page, 1);
	*(volatile uint64_t *)(at + AT) = SECRET;
	munmap(at, PAGE);
	if (!strcmp(mode, "late")) {
		claim();
		status = as_usual();
	} else {
		status = attempt();
	}
	release();
	return status;
}
#endif
