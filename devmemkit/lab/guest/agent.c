/* The guest's only program: as init it loads the virtio port's drivers, then plays stories.
 *
 * In, one line: a JSON array of flat objects, one per act: "operation" and its arguments by the
 * model's names. A value is a string, an integer, a boolean or {"ref": N, "plus": N}, the result of
 * act N plus an offset; "needs" is the index of an act that must have succeeded.
 * Out: one line per act, {"i": N, "ns": N} and one of "value", "bytes", "text", "errno", "signal"
 * (with "si_code" and "si_addr"), "skipped", or "cannot" (a sentence: the act was not carried out);
 * then {"done": N}. When the host hangs up, the guest powers off.
 *
 * Every process of a story is a real one, made by "process" or by another's "fork". Acts and
 * results lie in memory that all of them share; a process gets a run of acts at a time.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/capability.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOWEST 0x7f0000000000UL /* mappings go where the model puts them: from here upwards, */
#define HIGHEST 0x7fe000000000UL /* one page of hole between them; the agent's own lie above */
#define LARGEST (4UL << 20) /* the kernel allocates a buffer as large as a dump zone */
#ifdef __aarch64__ /* no number for these two: -1 is ENOSYS on every kernel, see is_asked() */
#define SYS_ioperm -1
#define SYS_iopl -1
#define MEMORY_DRIVER "of_pmem"
#else
#define MEMORY_DRIVER "nd_e820"
#endif
#define PCIIOC_MMAP_IS_MEM ('P' << 24 | 'C' << 16 | 'I' << 8 | 2)

enum { MAX_ACTS = 32768, MAX_ARGS = 12, TEXT = 16 << 20, DATA = 16 << 20, WORKERS = 64,
       MAX_HELD = 64 };
enum state { WAITING, DONE, SKIPPED, CANNOT, HELD };

struct arg {
	const char *name, *string; /* a string, or */
	uint64_t number;           /* a number, */
	int ref;                   /* to which the value of act `ref` is added, if not -1 */
};

struct act {
	struct arg arg[MAX_ARGS];
	int args, needs;
	enum state state;
	int error, signal, code;
	uint64_t value, address, ns;
	const char *text;          /* a string for an answer */
	unsigned char *bytes;      /* or bytes, `value` of them */
	char cannot[160];
};

static struct shared {
	char text[TEXT];
	struct act act[MAX_ACTS];
	unsigned char data[DATA];
	size_t used;
	int held; /* how many acts wait for their buffers */
	int ports; /* 1: the kernel has neither ioperm nor iopl; -1: it may have; 0: not looked yet */
	struct worker { char name[32]; pid_t pid; } worker[WORKERS];
	struct race {
		_Atomic enum { OPENING, READY, GO, RETURNED, TOUCH, TOUCHED } stage;
		uint64_t start, entered, returned; /* CLOCK_MONOTONIC, ns */
		int error;
		unsigned int alive, dead;
	} race;
} *shared;

static uint64_t page_size; /* bytes of one */
static int sockets[WORKERS][2]; /* main's end and the worker's */
static int buffer_socket[2];    /* a worker's own: one datagram is copied whole or not at all */
static sigjmp_buf on_trap;
static volatile siginfo_t trap;

static void die(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	printf("\n");
	fflush(stdout);
	sync();
	if (getpid() == 1)
		reboot(RB_POWER_OFF);
	exit(1);
}

/* Arguments and answers */

static struct arg *find(struct act *a, const char *name)
{
	for (int i = 0; i < a->args; i++)
		if (!strcmp(a->arg[i].name, name))
			return &a->arg[i];
	return NULL;
}

static uint64_t number(struct act *a, const char *name)
{
	struct arg *arg = find(a, name);

	if (!arg)
		return 0;
	return arg->number + (arg->ref < 0 ? 0 : shared->act[arg->ref].value);
}

static const char *string(struct act *a, const char *name)
{
	struct arg *arg = find(a, name);

	return arg && arg->string ? arg->string : "";
}

static void *pointer(struct act *a)
{
	return (void *)number(a, "address");
}

static void answer(struct act *a, long value)
{
	if (value == -1)
		a->error = errno;
	else
		a->value = value;
}

__attribute__((format(printf, 2, 3)))
static void cannot(struct act *a, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(a->cannot, sizeof a->cannot, format, list);
	va_end(list);
	for (char *c = a->cannot; *c; c++)
		if (*c == '"' || *c == '\\' || !isprint((unsigned char)*c))
			*c = ' ';
	a->state = CANNOT;
}

static unsigned char *space(size_t count)
{
	unsigned char *at = shared->data + shared->used;

	if (count > DATA - shared->used)
		return NULL;
	shared->used += count;
	return at;
}

static int prot(struct act *a)
{
	const char *letters = string(a, "prot");

	return (strchr(letters, 'r') ? PROT_READ : 0) | (strchr(letters, 'w') ? PROT_WRITE : 0) |
	       (strchr(letters, 'x') ? PROT_EXEC : 0);
}

static int open_mode(struct act *a)
{
	const char *mode = string(a, "mode");

	return !strcmp(mode, "r") ? O_RDONLY : !strcmp(mode, "w") ? O_WRONLY : O_RDWR;
}

/* Acts of a process of the story */

static void open_devmem(struct act *a)
{
	answer(a, open("/dev/mem", open_mode(a) | (number(a, "dsync") ? O_SYNC : 0)));
}

static void open_ioport(struct act *a)
{
	answer(a, open("/dev/port", open_mode(a)));
}

/* Whether a call that has no number here can be asked for: only of a kernel that names its mmap, and
 * neither of the two. To read all names takes seconds. */
static int is_asked(struct act *a)
{
	FILE *symbols = SYS_iopl < 0 && !shared->ports ? fopen("/proc/kallsyms", "r") : NULL;
	char line[512];
	int mmap = 0, ports = 0;

	while (symbols && fgets(line, sizeof line, symbols)) {
		mmap |= !!strstr(line, "_sys_mmap\n");
		ports |= strstr(line, "_sys_ioperm\n") || strstr(line, "_sys_iopl\n");
	}
	if (symbols) {
		fclose(symbols);
		shared->ports = mmap && !ports ? 1 : -1;
	}
	if (SYS_iopl < 0 && shared->ports < 1)
		cannot(a, "the kernel may have a call whose number is not known here");
	return a->state != CANNOT;
}

static void ask_for_ports(struct act *a)
{
	if (!is_asked(a))
		return;
	answer(a, syscall(SYS_ioperm, number(a, "first"), number(a, "count"),
			  number(a, "turn_on")));
}

static void ask_for_level(struct act *a)
{
	if (is_asked(a))
		answer(a, syscall(SYS_iopl, number(a, "level")));
}

static void become_user(struct act *a)
{
	if (syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, 1000, 1000, 1000))
		return answer(a, -1);
	answer(a, syscall(SYS_setresuid, 1000, 1000, 1000));
}

static void give_up_capabilities(struct act *a)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};

	answer(a, syscall(SYS_capset, &header, none));
}

static void open_resource(struct act *a)
{
	char path[128];

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/resource%d%s", string(a, "bdf"),
		 (int)number(a, "bar"), number(a, "wc") ? "_wc" : "");
	answer(a, open(path, open_mode(a)));
}

static void open_proc_pci(struct act *a)
{
	char path[128];
	const char *bdf = string(a, "bdf"); /* 0000:BB:DD.F */
	int domain; /* whether a folder bears its number, too: see pci_proc_domain */

	if (strlen(bdf) != 12)
		return cannot(a, "no bdf: %s", bdf);
	snprintf(path, sizeof path, "/proc/bus/pci/%.7s", bdf);
	domain = !access(path, F_OK);
	snprintf(path, sizeof path, "/proc/bus/pci/%.*s/%s", domain ? 7 : 2,
		 domain ? bdf : bdf + 5, bdf + 8);
	answer(a, open(path, O_RDWR));
}

static void pciioc_mmap_is_mem(struct act *a)
{
	answer(a, ioctl(number(a, "fd"), PCIIOC_MMAP_IS_MEM));
}

static uint64_t top; /* where the next mapping goes; 0: ask /proc/self/maps */

static uint64_t next_address(void)
{
	uint64_t start, end;
	FILE *maps = top ? NULL : fopen("/proc/self/maps", "r");
	char line[256];

	if (maps)
		top = LOWEST;
	while (maps && fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start >= LOWEST && end < HIGHEST)
			top = end + page_size;
	if (maps)
		fclose(maps);
	return top;
}

static void mmap_file(struct act *a)
{
	int flags = number(a, "shared") ? MAP_SHARED : MAP_PRIVATE;
	size_t length = number(a, "length");

	answer(a, (long)mmap((void *)next_address(), length, prot(a), flags | MAP_FIXED_NOREPLACE,
			     number(a, "fd"), number(a, "offset")));
	if (!a->error)
		top = a->value + ((length + page_size - 1) & -page_size) + page_size;
}

/* Forget `top` when what lies right below it may have gone. */
static void changed(uint64_t end)
{
	if (end + 2 * page_size > top)
		top = 0;
}

/* A copy from or to `buffer`, of `count` bytes, of which the file has the other end. */
static void copy(struct act *a, unsigned char *buffer, size_t count)
{
	int fd = number(a, "fd"), writes = !strncmp(string(a, "operation"), "write", 5);
	off_t offset = number(a, "offset");

	if (find(a, "offset"))
		answer(a, writes ? pwrite(fd, buffer, count, offset)
				 : pread(fd, buffer, count, offset));
	else
		answer(a, writes ? write(fd, buffer, count) : read(fd, buffer, count));
}

/* Copies whose buffers are missing: a thread each, which waits in the kernel until an act
 * "uffdio_copy" fills all buffers of that name. */
static struct held {
	struct act *act;
	pthread_t thread;
	unsigned char *buffer, *data; /* the missing pages, and what lies in them later */
	size_t count, size;
	int ended[2];
} held[MAX_HELD];
static int helds, fills, missing = -1;
static const char *filled[MAX_HELD];

static void *held_copy(void *argument)
{
	struct held *h = argument;

	copy(h->act, h->buffer, h->count);
	if (write(h->ended[1], "", 1) != 1)
		die("a held copy: %m");
	return NULL;
}

static void end_held(struct held *h)
{
	pthread_join(h->thread, NULL);
	if (h->act->bytes && !h->act->error)
		memcpy(h->data, h->buffer, h->act->value);
	munmap(h->buffer, h->size);
	close(h->ended[0]);
	close(h->ended[1]);
	h->act = NULL; /* its place is not used again */
}

static int watch_missing(struct held *h)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};

	if (missing < 0) {
		missing = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
		if (missing < 0 || ioctl(missing, UFFDIO_API, &api))
			return -1;
	}
	h->buffer = mmap(NULL, h->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (h->buffer == MAP_FAILED)
		return -1;
	range.range.start = (uint64_t)h->buffer;
	range.range.len = h->size;
	return ioctl(missing, UFFDIO_REGISTER, &range) || pipe2(h->ended, O_CLOEXEC);
}

/* Begin a copy that waits, and return when it waits or has ended. */
static void hold(struct act *a, unsigned char *data, size_t count)
{
	struct held *h = &held[helds];
	struct pollfd either[2];
	struct uffd_msg fault;

	if (helds == MAX_HELD)
		return cannot(a, "more than %d held copies", MAX_HELD);
	*h = (struct held){.act = a, .data = data, .count = count};
	h->size = (count + page_size - 1) & -page_size;
	if (!count || watch_missing(h) || pthread_create(&h->thread, NULL, held_copy, h))
		return cannot(a, "no missing buffer of %zu bytes: %m", count);
	helds++;
	either[0] = (struct pollfd){.fd = missing, .events = POLLIN};
	either[1] = (struct pollfd){.fd = h->ended[0], .events = POLLIN};
	while (poll(either, 2, -1) < 0)
		;
	if (either[1].revents)
		return end_held(h);
	if (read(missing, &fault, sizeof fault) != sizeof fault ||
	    fault.event != UFFD_EVENT_PAGEFAULT)
		die("userfaultfd: %m");
	a->state = HELD;
	shared->held++;
}

static int is_filled(const char *name)
{
	for (int i = 0; i < fills; i++)
		if (!strcmp(filled[i], name))
			return 1;
	return 0;
}

static void fill_buffers(struct act *a)
{
	const char *name = string(a, "buffer");

	for (int i = 0; i < helds; i++) { /* in the order in which they began */
		struct act *waits = held[i].act;
		struct uffdio_copy page = {.dst = (uint64_t)held[i].buffer, .len = held[i].size};

		if (!waits || strcmp(string(waits, "buffer"), name))
			continue;
		page.src = (uint64_t)mmap(NULL, page.len, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if ((void *)page.src == MAP_FAILED)
			return answer(a, -1);
		if (!waits->bytes)
			memcpy((void *)page.src, held[i].data, held[i].count);
		if (ioctl(missing, UFFDIO_COPY, &page))
			return answer(a, -1);
		munmap((void *)page.src, page.len);
		end_held(&held[i]);
		waits->state = DONE;
		shared->held--;
	}
	if (!is_filled(name) && fills < MAX_HELD)
		filled[fills++] = name;
}

static void copy_or_hold(struct act *a, unsigned char *data, size_t count)
{
	const char *name = string(a, "buffer");

	if (*name && !is_filled(name))
		hold(a, data, count);
	else
		copy(a, data, count);
}

static void read_devmem(struct act *a)
{
	size_t count = number(a, "count");

	a->bytes = space(count);
	if (!a->bytes)
		return cannot(a, "no room for %zu bytes", count);
	copy_or_hold(a, a->bytes, count);
}

static int hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static void write_devmem(struct act *a)
{
	const char *hex = string(a, "data"); /* or a number of zeroes */
	size_t count = *hex ? strlen(hex) / 2 : number(a, "data");
	unsigned char *data = space(count);

	if (!data)
		return cannot(a, "no room for %zu bytes", count);
	for (size_t i = 0; i < count; i++)
		data[i] = !*hex ? 0 : hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]);
	copy_or_hold(a, data, count);
}

static void lseek_devmem(struct act *a)
{
	const char *name = string(a, "whence");
	int whence = !strcmp(name, "SET") ? SEEK_SET : !strcmp(name, "CUR") ? SEEK_CUR : SEEK_END;

	answer(a, lseek(number(a, "fd"), number(a, "offset"), whence));
}

static void close_file(struct act *a)
{
	answer(a, close(number(a, "fd")));
}

static void load(struct act *a)
{
	switch (number(a, "size")) {
	case 1: a->value = *(volatile uint8_t *)pointer(a); break;
	case 2: a->value = *(volatile uint16_t *)pointer(a); break;
	case 4: a->value = *(volatile uint32_t *)pointer(a); break;
	case 8: a->value = *(volatile uint64_t *)pointer(a); break;
	default: cannot(a, "no load of %d bytes", (int)number(a, "size"));
	}
}

static void store(struct act *a)
{
	uint64_t value = number(a, "value");

	switch (number(a, "size")) {
	case 1: *(volatile uint8_t *)pointer(a) = value; break;
	case 2: *(volatile uint16_t *)pointer(a) = value; break;
	case 4: *(volatile uint32_t *)pointer(a) = value; break;
	case 8: *(volatile uint64_t *)pointer(a) = value; break;
	default: cannot(a, "no store of %d bytes", (int)number(a, "size"));
	}
}

static void drain(size_t count)
{
	static char sink[1 << 16];

	if (read(buffer_socket[1], sink, count) < 0)
		die("drain: %m");
}

static void copy_from_user(struct act *a)
{
	answer(a, write(buffer_socket[0], pointer(a), number(a, "count")));
	if (!a->error)
		drain(a->value);
}

static void copy_to_user(struct act *a)
{
	static const char zeroes[1 << 16];
	size_t count = number(a, "count");

	if (count > sizeof zeroes)
		return cannot(a, "no copy of %zu bytes", count);
	/* the page keeps its contents: what is read into it is what was in it */
	if (write(buffer_socket[0], pointer(a), count) < 0 &&
	    write(buffer_socket[0], zeroes, count) < 0)
		return cannot(a, "socket: %m");
	answer(a, read(buffer_socket[1], pointer(a), count));
}

static void unmap(struct act *a)
{
	answer(a, munmap(pointer(a), number(a, "length")));
	changed(number(a, "address") + number(a, "length"));
}

static void protect(struct act *a)
{
	answer(a, mprotect(pointer(a), number(a, "length"), prot(a)));
}

static void move(struct act *a)
{
	int flags = find(a, "to") ? MREMAP_MAYMOVE | MREMAP_FIXED : 0;

	answer(a, (long)mremap(pointer(a), number(a, "length"), number(a, "new_length"), flags,
			       (void *)number(a, "to")));
	top = 0;
}

static void advise(struct act *a)
{
	static const struct { const char *name; int advice; } known[] = {
		{"NORMAL", 0}, {"RANDOM", 1}, {"SEQUENTIAL", 2}, {"WILLNEED", 3}, {"DONTNEED", 4},
		{"FREE", 8}, {"REMOVE", 9}, {"DONTFORK", 10}, {"DOFORK", 11}, {"MERGEABLE", 12},
		{"UNMERGEABLE", 13}, {"HUGEPAGE", 14}, {"NOHUGEPAGE", 15}, {"DONTDUMP", 16},
		{"DODUMP", 17}, {"WIPEONFORK", 18}, {"KEEPONFORK", 19}, {"COLD", 20},
		{"PAGEOUT", 21}, {"POPULATE_READ", 22}, {"POPULATE_WRITE", 23},
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(known[i].name, string(a, "advice")))
			return answer(a, madvise(pointer(a), number(a, "length"), known[i].advice));
	cannot(a, "no advice %s", string(a, "advice"));
}

static void sync_mapping(struct act *a)
{
	answer(a, msync(pointer(a), number(a, "length"), MS_SYNC));
}

static void lock(struct act *a)
{
	answer(a, mlock(pointer(a), number(a, "length")));
}

static void seal(struct act *a)
{
	answer(a, syscall(462, pointer(a), number(a, "length"), 0)); /* mseal */
}

static void serve(int slot);
static void process(struct act *a);

static int slot_of(const char *name, int free_too)
{
	for (int i = 0; i < WORKERS; i++)
		if (!strcmp(shared->worker[i].name, name))
			return i;
	for (int i = 0; free_too && i < WORKERS; i++)
		if (!shared->worker[i].name[0]) {
			snprintf(shared->worker[i].name, sizeof shared->worker[i].name, "%s", name);
			return i;
		}
	return -1;
}

static void fork_child(struct act *a)
{
	const char *name = string(a, "child");
	int slot = slot_of(name, 1);
	pid_t pid;

	if (slot < 0 || shared->worker[slot].pid)
		return cannot(a, "no room for a new process %s", name);
	pid = fork();
	if (!pid) {
		top = 0;
		serve(slot);
	}
	answer(a, pid);
	a->text = name;
	shared->worker[slot].pid = pid;
	if (pid < 0)
		shared->worker[slot] = (struct worker){0};
}

/* Acts of main: what drivers, debuggers and administrators do */

static void end_process(struct act *a)
{
	int slot = slot_of(string(a, "pid"), 0);
	pid_t pid = slot < 0 ? -1 : shared->worker[slot].pid;

	if (pid < 0 || kill(pid, SIGKILL) || waitpid(pid, NULL, __WALL) != pid)
		return cannot(a, "end of process %s: %s", string(a, "pid"), strerror(errno));
	shared->worker[slot] = (struct worker){0};
}

static int say(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		error = errno;
	close(fd);
	return error;
}

static int insmod(const char *name, const char *parameters)
{
	char path[128];
	int fd, error = 0;

	snprintf(path, sizeof path, "/modules/%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (syscall(SYS_finit_module, fd, parameters, 0) < 0)
		error = errno;
	close(fd);
	return error;
}

/* Load what a module needs, and with `parameters` itself; 0 or an errno. */
static int load_module(const char *name, const char *parameters)
{
	char path[128], one[64];
	int error = 0;
	FILE *order;

	snprintf(path, sizeof path, "/modules/%s.load", name);
	order = fopen(path, "r");
	if (!order)
		return errno;
	while (!error && fscanf(order, "%63s", one) == 1) {
		snprintf(path, sizeof path, "/sys/module/%s", one);
		if (access(path, F_OK))
			error = insmod(one, strcmp(one, name) ? "" : parameters);
	}
	fclose(order);
	return error;
}

/* How many nodes of /proc/iomem have this range. */
static int nodes(uint64_t first, uint64_t last)
{
	char line[256];
	uint64_t start, end;
	int found = 0;
	FILE *iomem = fopen("/proc/iomem", "r");

	while (iomem && fgets(line, sizeof line, iomem))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2)
			found += start == first && end == last;
	if (iomem)
		fclose(iomem);
	return found;
}

/* Whether the kernel has page structures there, by sections of 128 MiB: ramoops would not claim
 * such memory but map and write it. */
static int is_memory(uint64_t address)
{
	char line[256];
	uint64_t start, end;
	int found = 0;
	FILE *iomem = fopen("/proc/iomem", "r");

	while (iomem && fgets(line, sizeof line, iomem))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && strstr(line, " : System RAM"))
			found |= start >> 27 <= address >> 27 && address >> 27 <= end >> 27;
	if (iomem)
		fclose(iomem);
	return found;
}

static uint64_t claimed_start, claimed_size; /* what ramoops holds; size 0: nothing */
static struct act *unmapping; /* an act that the release will carry out */

/* ramoops writes a header of 12 bytes to the start of what it claims, which request_mem_region does
 * not do. So what was there is put back: at once if any mapping still shows the place, else after the
 * release. */
static unsigned char under_header[12];
static int is_saved;

static size_t header_pages(uint64_t address)
{
	return address % page_size + 12 > page_size ? 2 * page_size : page_size;
}

/* The header's place, mapped through a file whose byte 0 is at `base`. */
static unsigned char *window(const char *path, uint64_t base, uint64_t address)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	off_t offset = (address - base) & -page_size;
	void *at = MAP_FAILED;

	if (fd >= 0) {
		at = mmap(NULL, header_pages(address), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  offset);
		close(fd);
	}
	return at == MAP_FAILED ? NULL : (unsigned char *)at + (address - base) % page_size;
}

static void close_window(unsigned char *at)
{
	if (at)
		munmap((void *)((uint64_t)at & -page_size), header_pages((uint64_t)at));
}

/* The same through the resource file of the BAR that holds `address`, if one does. */
static unsigned char *bar_window(uint64_t address)
{
	uint64_t start, end;
	unsigned char *at = NULL;
	glob_t found;

	if (glob("/sys/bus/pci/devices/0*/resource", 0, NULL, &found))
		return NULL;
	for (size_t i = 0; !at && i < found.gl_pathc; i++) {
		FILE *lines = fopen(found.gl_pathv[i], "r");
		char path[160];

		for (int bar = 0; lines && !at && bar < 6; bar++) {
			if (fscanf(lines, "%lx %lx %*x", &start, &end) != 2)
				break;
			if (address < start || address > end || !end)
				continue;
			snprintf(path, sizeof path, "%.150s%d", found.gl_pathv[i], bar);
			at = window(path, start, address);
		}
		if (lines)
			fclose(lines);
	}
	globfree(&found);
	return at;
}

/* Copy 12 bytes where one of them may be gone; whether it worked. */
static int copy_header(unsigned char *to, const unsigned char *from)
{
	if (!to || !from || sigsetjmp(on_trap, 1))
		return 0;
	for (int i = 0; i < 12; i++)
		((volatile unsigned char *)to)[i] = ((const volatile unsigned char *)from)[i];
	return 1;
}

static int save_header(uint64_t start)
{
	unsigned char *mem = window("/dev/mem", 0, start);

	is_saved = copy_header(under_header, mem);
	close_window(mem);
	return is_saved;
}

static void restore_header(uint64_t start, unsigned char *older)
{
	unsigned char *mem = window("/dev/mem", 0, start), *bar = mem ? NULL : bar_window(start);

	if (is_saved && (copy_header(mem ? mem : bar, under_header) ||
			 copy_header(older, under_header)))
		is_saved = 0; /* what is written from now on is the story's */
	close_window(mem);
	close_window(bar);
}

/* Why ramoops holds nothing, from the kernel's log since `log` was opened. */
static void why_no_claim(struct act *a, int log)
{
	const char *why = "its log does not say why";
	char record[1024];
	ssize_t length;

	while ((length = read(log, record, sizeof record - 1)) > 0) {
		record[length] = 0;
		if (strstr(record, ": request mem region ("))
			a->error = EBUSY;
		else if (strstr(record, "ioremap error"))
			why = "its ioremap conflicts with a mapping's memory type";
	}
	if (!a->error)
		cannot(a, "ramoops holds nothing: %s", why);
}

/* One zone over the whole range: a dump zone, which may have any size up to LARGEST, or a console
 * zone, which must be a power of two, and whose failure is the kernel's end (it frees an error
 * pointer). Sizes are even, starts are not restricted. */
static void claim(struct act *a)
{
	uint64_t start = number(a, "start"), size = number(a, "size");
	uint64_t power = size ? 1UL << (63 - __builtin_clzl(size)) : 0;
	unsigned char *bar;
	char parameters[256];
	int error, log, before = nodes(start, start + size - 1);

	if (claimed_size)
		return cannot(a, "ramoops holds %#lx+%#lx already", claimed_start, claimed_size);
	if (size < 16 || size % 2 || (size > LARGEST && size != power))
		return cannot(a, "ramoops cannot claim %#lx bytes", size);
	if (is_memory(start))
		return cannot(a, "ramoops does not claim beside System RAM, at %#lx", start);
	snprintf(parameters, sizeof parameters, "mem_address=%#lx mem_size=%#lx record_size=%lu "
		 "console_size=%lu ftrace_size=0 pmsg_size=0 mem_type=1", start, size,
		 size <= LARGEST ? power : 0, size <= LARGEST ? 0 : power);
	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	lseek(log, 0, SEEK_END);
	save_header(start);
	bar = bar_window(start);
	error = load_module("ramoops", parameters);
	if (error) {
		cannot(a, "insmod ramoops: %s", strerror(error));
	} else if (nodes(start, start + size - 1) > before) { /* its name may be freed already */
		claimed_start = start;
		claimed_size = size;
		a->value = start;
		restore_header(start, bar);
	} else {
		why_no_claim(a, log);
		if (syscall(SYS_delete_module, "ramoops", O_NONBLOCK))
			cannot(a, "rmmod ramoops: %s", strerror(errno));
	}
	close_window(bar);
	close(log);
}

static void release(struct act *a)
{
	uint64_t start = number(a, "start"), size = number(a, "size");
	int before = nodes(start, start + size - 1);

	if (!claimed_size || start != claimed_start || size != claimed_size)
		return cannot(a, "ramoops does not hold %#lx+%#lx", start, size);
	if (syscall(SYS_delete_module, "ramoops", O_NONBLOCK))
		return cannot(a, "rmmod ramoops: %s", strerror(errno));
	claimed_size = 0;
	if (unmapping)
		unmapping->state = DONE;
	unmapping = NULL;
	if (!before) { /* its device was removed, and the claim with it: a "nonexistent resource" */
		is_saved = 0;
		return;
	}
	if (nodes(start, start + size - 1) != before - 1)
		return cannot(a, "/proc/iomem still shows %#lx+%#lx", start, size);
	restore_header(start, NULL);
	a->value = 1;
}

/* The claim and the driver's own mapping as one act: EBUSY when the one fails, ENOMEM the other. An
 * older driver then forgets its claim, which stays for good. */
static void probe_ramoops(struct act *a)
{
	claim(a);
	if (a->state == CANNOT && strstr(a->cannot, "its ioremap conflicts")) {
		a->state = DONE;
		a->error = ENOMEM;
	} else if (a->state == DONE && !a->error &&
		   access("/sys/bus/platform/drivers/ramoops/ramoops", F_OK)) {
		a->error = ENOMEM;
		claimed_size = 0;
		if (syscall(SYS_delete_module, "ramoops", O_NONBLOCK))
			cannot(a, "rmmod ramoops: %s", strerror(errno));
	}
}

/* ramoops maps what it claims at once; its probe ends with success only if that worked. */
static void map_claim(struct act *a)
{
	if (!claimed_size || number(a, "start") != claimed_start || number(a, "size") != claimed_size)
		cannot(a, "ramoops maps what it has claimed and nothing else");
	else if (access("/sys/bus/platform/drivers/ramoops/ramoops", F_OK))
		a->error = ENOMEM;
}

/* ramoops unmaps when it releases: that act carries out both, or neither. */
static void unmap_claim(struct act *a)
{
	cannot(a, "ramoops unmaps only when it releases");
	unmapping = claimed_size ? a : NULL;
}

static const char *bus_of(const char *device)
{
	return strncmp(device, "namespace", 9) ? "pci" : "nd";
}

/* Whether the device's driver link names `driver`, or any where that is NULL. */
static int is_bound(const char *device, const char *driver)
{
	char path[160], target[160] = "";

	snprintf(path, sizeof path, "/sys/bus/%s/devices/%s/driver", bus_of(device), device);
	if (readlink(path, target, sizeof target - 1) < 0)
		return 0;
	return !driver || !strcmp(strrchr(target, '/') + 1, driver);
}

static int exists(const char *device)
{
	char path[160];

	snprintf(path, sizeof path, "/sys/bus/%s/devices/%s", bus_of(device), device);
	return !access(path, F_OK);
}

static void wait_for(int (*test)(const char *, const char *), const char *device,
		     const char *driver)
{
	for (int i = 0; i < 500 && !test(device, driver); i++)
		usleep(10000);
}

static int is_there(const char *device, const char *driver)
{
	return exists(device);
}

static void bind_driver(struct act *a)
{
	const char *device = string(a, "bdf"), *driver = string(a, "driver");
	int nd = !strcmp(bus_of(device), "nd"), error, probed = 0;
	char path[160];

	if (nd && !(error = load_module(MEMORY_DRIVER, "")))
		wait_for(is_there, device, NULL);
	if (!exists(device)) {
		a->error = ENODEV;
		return;
	}
	snprintf(path, sizeof path, "/sys/bus/%s/drivers/%s/bind", bus_of(device), driver);
	error = 0;
	if (access(path, F_OK)) {
		error = load_module(driver, "");
		if (error)
			return cannot(a, "driver %s: %s", driver, strerror(error));
		if (nd) { /* this bus probes by itself when a driver comes */
			wait_for(is_bound, device, driver);
			probed = is_bound(device, driver);
		}
	}
	if (!probed)
		error = say(path, device);
	if (error)
		a->error = error;
	else if (!is_bound(device, driver))
		cannot(a, "%s has no link to driver %s", device, driver);
}

static void unbind_driver(struct act *a)
{
	const char *device = string(a, "bdf");
	char path[160];

	if (!is_bound(device, NULL)) { /* there is no file to say it to */
		a->error = ENODEV;
		return;
	}
	snprintf(path, sizeof path, "/sys/bus/%s/devices/%s/driver/unbind", bus_of(device), device);
	a->error = say(path, device);
	if (!a->error && is_bound(device, NULL))
		cannot(a, "%s still has a driver", device);
}

static void remove_device(struct act *a)
{
	const char *device = string(a, "bdf");
	char path[160];

	if (!exists(device)) {
		a->error = ENODEV;
		return;
	}
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/remove", device);
	a->error = say(path, "1");
	if (!a->error && exists(device))
		cannot(a, "%s is still there", device);
}

static void peek_or_poke(struct act *a)
{
	int slot = slot_of(string(a, "pid"), 0), status;
	pid_t pid = slot < 0 ? -1 : shared->worker[slot].pid;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0) ||
	    waitpid(pid, &status, __WALL) != pid)
		return cannot(a, "ptrace of %s: %s", string(a, "pid"), strerror(errno));
	errno = 0;
	if (!strcmp(string(a, "operation"), "ptrace_peek"))
		a->value = ptrace(PTRACE_PEEKDATA, pid, pointer(a), 0);
	else
		ptrace(PTRACE_POKEDATA, pid, pointer(a), number(a, "value"));
	a->error = errno;
	ptrace(PTRACE_DETACH, pid, 0, 0);
}

static void vm_read(struct act *a)
{
	char here[8];
	struct iovec local = {here, sizeof here}, remote = {pointer(a), sizeof here};
	int slot = slot_of(string(a, "pid"), 0);

	answer(a, process_vm_readv(slot < 0 ? -1 : shared->worker[slot].pid, &local, 1, &remote, 1,
				   0));
}

/* What a block device's driver serves, around the page cache: `count` bytes within one page. */
static void read_block(struct act *a)
{
	static unsigned char page[1 << 16] __attribute__((aligned(1 << 16)));
	uint64_t offset = number(a, "offset"), count = number(a, "count");
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/dev/%.40s", string(a, "device"));
	if (offset % page_size + count > page_size || !(a->bytes = space(count)))
		return cannot(a, "no read of %#lx bytes at %#lx", count, offset);
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0 || pread(fd, page, page_size, offset & -page_size) < 0)
		a->error = errno;
	if (fd >= 0)
		close(fd);
	memcpy(a->bytes, page + offset % page_size, count);
	a->value = count;
}

static struct { char path[128]; mode_t mode; } changed_modes[16]; /* by "chmod", in order */
static int mode_changes, remounts;

static void change_mode(struct act *a)
{
	const char *path = string(a, "path");
	struct stat before;

	if (mode_changes == sizeof changed_modes / sizeof *changed_modes)
		return cannot(a, "too many changes of modes");
	if (stat(path, &before) || chmod(path, number(a, "mode")))
		return answer(a, -1);
	snprintf(changed_modes[mode_changes].path, sizeof changed_modes->path, "%s", path);
	changed_modes[mode_changes++].mode = before.st_mode;
}

static void remount(struct act *a)
{
	const char *options = string(a, "options");

	remounts = 1;
	answer(a, mount(NULL, string(a, "path"), NULL, MS_REMOUNT | MS_BIND |
			(strstr(options, "ro") ? MS_RDONLY : 0) |
			(strstr(options, "noexec") ? MS_NOEXEC : 0) |
			(strstr(options, "nodev") ? MS_NODEV : 0), NULL));
}

/* Mounts and modes as they were. */
static int restore_files(void)
{
	static const char *const mounts[] = {"/dev", "/sys", "/proc"};
	int error = 0;

	for (int i = 0; i < 3 && remounts; i++)
		error |= mount(NULL, mounts[i], NULL, MS_REMOUNT | MS_BIND, NULL);
	while (mode_changes) {
		mode_changes--;
		error |= chmod(changed_modes[mode_changes].path, changed_modes[mode_changes].mode);
	}
	remounts = 0;
	return error;
}

/* Between stories: no process, no claim, no driver, files and mounts as after boot. A removed device
 * stays away: it would come back at other addresses. */
static void reset(struct act *a)
{
	static const char *const drivers[] = {
		"pci/drivers/e1000", "pci/drivers/nvme", "nd/drivers/nd_pmem",
	};
	char path[160];
	glob_t found;

	for (int i = 0; i < WORKERS; i++) {
		if (shared->worker[i].pid > 0)
			kill(shared->worker[i].pid, SIGKILL);
		shared->worker[i] = (struct worker){0};
	}
	while (waitpid(-1, NULL, __WALL) > 0)
		;
	if (restore_files())
		return cannot(a, "files or mounts: %s", strerror(errno));
	if (claimed_size) {
		struct arg start = {"start", NULL, claimed_start, -1};
		struct arg size = {"size", NULL, claimed_size, -1};
		struct act claimed = {.arg = {start, size}, .args = 2};

		release(&claimed);
		if (claimed.state == CANNOT)
			return cannot(a, "%s", claimed.cannot);
	}
	for (size_t i = 0; i < sizeof drivers / sizeof *drivers && !number(a, "keep"); i++) {
		snprintf(path, sizeof path, "/sys/bus/%s/*[0-9].[0-9]", drivers[i]);
		if (glob(path, 0, NULL, &found))
			continue;
		snprintf(path, sizeof path, "/sys/bus/%s/unbind", drivers[i]);
		for (size_t j = 0; j < found.gl_pathc; j++)
			say(path, strrchr(found.gl_pathv[j], '/') + 1);
		globfree(&found);
	}
}

/* Zeroes to [start, start+size) through /dev/mem. */
static void clear(struct act *a)
{
	uint64_t start = number(a, "start"), size = number(a, "size");
	int fd = open("/dev/mem", O_RDWR | O_CLOEXEC);
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, start);

	if (at == MAP_FAILED) {
		cannot(a, "/dev/mem at %#lx+%#lx: %m", start, size);
	} else {
		memset(at, 0, size);
		munmap(at, size);
	}
	if (fd >= 0)
		close(fd);
}

static void read_path(struct act *a)
{
	int fd = open(string(a, "path"), O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;

	a->bytes = shared->data + shared->used;
	while (fd >= 0 && (got = read(fd, a->bytes + a->value, DATA - shared->used)) > 0) {
		a->value += got;
		shared->used += got;
	}
	if (got < 0)
		a->error = errno;
	if (fd >= 0)
		close(fd);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000UL + time.tv_nsec;
}

/* Count the pages of [from, to) that a load still reaches: all, or the first and the last of every
 * 2 MiB, which is what one page table maps. */
static void touch_pages(struct race *race, char *from, char *to)
{
	size_t step = 2UL << 20;

	if (to - from <= (long)step)
		step = page_size;
	for (char *page = from; page < to; page += step)
		for (int last = 0; last <= (step > page_size); last++)
			if (!sigsetjmp(on_trap, 1)) {
				*(volatile char *)(last ? page + step - page_size : page);
				race->alive++;
			} else {
				race->dead++;
			}
}

/* Load from each page of [at, end), up to the first that cannot be reached. */
static void load_pages(char *at, char *end)
{
	char *volatile page = at;

	for (; page < end; page += page_size) {
		if (sigsetjmp(on_trap, 1))
			return;
		*(volatile char *)page;
	}
}

/* The mapper: alone on the second CPU it maps once, at the time that was agreed on; or with `touch`
 * it maps before, and then loads from all pages. */
static void race_to_map(struct act *a, struct race *race, int fd)
{
	uint64_t start = number(a, "start"), first = start, last = start + number(a, "length");
	cpu_set_t second = {{2}};
	int touch = number(a, "touch");
	char *at = MAP_FAILED;

	sched_setaffinity(0, sizeof second, &second);
	if (touch)
		at = mmap(NULL, last - first, PROT_READ, MAP_SHARED, fd, number(a, "offset"));
	race->stage = READY;
	while (race->stage != GO || now() < race->start)
		;
	race->entered = now();
	if (!touch)
		at = mmap(NULL, last - first, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  number(a, "offset"));
	else if (at != MAP_FAILED)
		load_pages(at, at + (last - first));
	race->returned = now();
	race->error = at == MAP_FAILED ? errno : 0;
	race->stage = RETURNED;
	while (race->stage != TOUCH)
		usleep(100);
	if (claimed_start < last && claimed_start + claimed_size > first) { /* else all of it */
		last = last < claimed_start + claimed_size ? last : claimed_start + claimed_size;
		first = first > claimed_start ? first : claimed_start;
	}
	if (!race->error)
		touch_pages(race, at + (first - start), at + (last - start));
	race->stage = TOUCHED;
	_exit(0);
}

/* KiB of page tables that a process has: they grow while its mmap fills them. */
static uint64_t page_tables(pid_t pid)
{
	char path[64], text[4096], *line = NULL;
	ssize_t length;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = read(fd, text, sizeof text - 1);
	close(fd);
	if (length > 0) {
		text[length] = 0;
		line = strstr(text, "VmPTE:");
	}
	return line ? strtoul(line + 6, NULL, 10) : 0;
}

static void wait_for_stage(struct race *race, int stage, pid_t mapper)
{
	while (race->stage != stage) {
		siginfo_t gone = {0};

		if (waitid(P_PID, mapper, &gone, WEXITED | WNOHANG | WNOWAIT) || gone.si_pid)
			if (race->stage != stage)
				die("the mapper is dead");
		usleep(100);
	}
}

/* One mmap against one claim: `length` bytes of `path` from `offset`, which is the address `start`,
 * against what ramoops holds. It lets go of it before, and claims it again `delay` ns after the
 * mmap begins; not before that has made `grown` KiB of page tables, or has returned; or when all is
 * over if `claim` is 0. As no module is loaded the time is sharp. */
static void race(struct act *a)
{
	static const char bind_path[] = "/sys/bus/platform/drivers/ramoops/bind";
	static const char unbind_path[] = "/sys/bus/platform/drivers/ramoops/unbind";
	static char text[160];
	uint64_t first = claimed_start, last = first + claimed_size - 1, begin, end;
	uint64_t grown = number(a, "grown");
	int64_t delay = number(a, "delay"), ahead = delay < 0 ? -delay : 0;
	struct race *race = &shared->race;
	int fd = open(string(a, "path"), O_RDWR | O_SYNC | O_CLOEXEC), error, before, shown;
	pid_t mapper;

	if (fd < 0)
		return answer(a, fd);
	error = claimed_size ? say(unbind_path, "ramoops") : ENODEV;
	if (error) {
		close(fd);
		return cannot(a, "ramoops does not let go: %s", strerror(error));
	}
	before = nodes(first, last);
	*race = (struct race){0};
	mapper = fork();
	if (!mapper)
		race_to_map(a, race, fd);
	close(fd);
	wait_for_stage(race, READY, mapper);
	grown = grown ? grown + page_tables(mapper) : 0;
	race->start = now() + ahead + 1000000;
	race->stage = GO;
	while (number(a, "claim") && now() < race->start + delay)
		;
	while (grown && race->stage != RETURNED && page_tables(mapper) < grown)
		;
	begin = now();
	error = number(a, "claim") ? say(bind_path, "ramoops") : 0;
	end = now();
	wait_for_stage(race, RETURNED, mapper);
	shown = nodes(first, last) - before;
	race->stage = TOUCH;
	wait_for_stage(race, TOUCHED, mapper);
	waitpid(mapper, NULL, 0);
	if (!number(a, "claim"))
		error = say(bind_path, "ramoops");
	if (error)
		return cannot(a, "ramoops does not claim: %s", strerror(error));
	snprintf(text, sizeof text, "%ld %ld %ld %d %d %u %u", race->returned - race->entered,
		 begin - race->entered, end - race->entered, shown, race->error, race->alive,
		 race->dead);
	a->text = text;
}

/* The paths that match a pattern, a line each. */
static void glob_paths(struct act *a)
{
	glob_t found;

	a->bytes = shared->data + shared->used;
	if (glob(string(a, "pattern"), 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		size_t length = strlen(found.gl_pathv[i]) + 1;
		unsigned char *line = space(length);

		if (!line)
			return cannot(a, "too many paths");
		memcpy(line, found.gl_pathv[i], length);
		line[length - 1] = '\n';
		a->value += length;
	}
	globfree(&found);
}

static void load_driver(struct act *a)
{
	a->error = load_module(string(a, "name"), string(a, "parameters"));
}

/* A program that came along: its exit status, and in the next line what it said. */
static void run_program(struct act *a)
{
	static char line[512];
	char *word[16], *rest = line;
	int out[2], status = 0, words = 0;
	cpu_set_t all = {{3}};
	ssize_t got;
	pid_t pid;

	snprintf(line, sizeof line, "%s %s", string(a, "path"), string(a, "arguments"));
	while (words < 15 && (word[words] = strsep(&rest, " ")))
		words += *word[words] != 0;
	word[words] = NULL;
	if (pipe2(out, O_CLOEXEC))
		return answer(a, -1);
	pid = fork();
	if (!pid) {
		sched_setaffinity(0, sizeof all, &all);
		signal(SIGBUS, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		dup2(out[1], 1);
		dup2(out[1], 2);
		execv(word[0], word);
		_exit(127);
	}
	close(out[1]);
	a->bytes = shared->data + shared->used + 16;
	while ((got = read(out[0], a->bytes + a->value, DATA - shared->used - 16 - a->value)) > 0)
		a->value += got;
	close(out[0]);
	waitpid(pid, &status, 0);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	snprintf(line, sizeof line, "%15d\n", status);
	a->bytes -= 16;
	memcpy(a->bytes, line, 16);
	a->value += 16;
	shared->used += a->value;
}

/* Playing */

static const struct operation {
	const char *name;
	void (*perform)(struct act *);
	int by_main;
} operations[] = {
	{"load", load}, {"store", store}, {"open_devmem", open_devmem}, {"mmap_devmem", mmap_file},
	{"read_devmem", read_devmem}, {"write_devmem", write_devmem},
	{"uffdio_copy", fill_buffers}, {"lseek_devmem", lseek_devmem}, {"open_resource", open_resource},
	{"open_ioport", open_ioport}, {"read_ioport", read_devmem}, {"write_ioport", write_devmem},
	{"read_resource", read_devmem}, {"write_resource", write_devmem},
	{"ioperm", ask_for_ports}, {"iopl", ask_for_level}, {"setuid", become_user}, {"capset", give_up_capabilities},
	{"mmap_resource", mmap_file},
	{"open_proc_pci", open_proc_pci}, {"pciioc_mmap_is_mem", pciioc_mmap_is_mem},
	{"mmap_proc_pci", mmap_file}, {"close", close_file}, {"copy_from_user", copy_from_user},
	{"copy_to_user", copy_to_user}, {"munmap", unmap}, {"mprotect", protect}, {"mremap", move},
	{"madvise", advise}, {"msync", sync_mapping}, {"mlock", lock}, {"mseal", seal},
	{"fork", fork_child}, {"exit", end_process, 1},
	{"ptrace_peek", peek_or_poke, 1}, {"ptrace_poke", peek_or_poke, 1},
	{"process_vm_readv", vm_read, 1}, {"request_mem_region", claim, 1},
	{"release_mem_region", release, 1}, {"ramoops_probe", probe_ramoops, 1},
	{"ramoops_remove", release, 1}, {"ioremap", map_claim, 1}, {"iounmap", unmap_claim, 1},
	{"bind", bind_driver, 1}, {"unbind", unbind_driver, 1},
	{"remove", remove_device, 1}, {"chmod", change_mode, 1}, {"remount", remount, 1},
	{"process", process, 1}, {"reset", reset, 1},
	{"read_block", read_block, 1}, {"clear", clear, 1}, {"read_path", read_path, 1},
	{"glob", glob_paths, 1}, {"race", race, 1},
	{"load_module", load_driver, 1}, {"run_program", run_program, 1},
};

static const struct operation *operation_of(struct act *a)
{
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
		if (!strcmp(operations[i].name, string(a, "operation")))
			return &operations[i];
	return NULL;
}

static int succeeded(int index)
{
	struct act *a = &shared->act[index];

	return a->state == DONE && !a->error && !a->signal;
}

static void trapped(int signal, siginfo_t *info, void *context)
{
	trap = *info;
	siglongjmp(on_trap, 1);
}

static void perform(struct act *a)
{
	const struct operation *operation = operation_of(a);
	struct timespec before, after;
	int ready = a->needs < 0 || succeeded(a->needs);

	for (int i = 0; i < a->args; i++)
		ready = ready && (a->arg[i].ref < 0 || succeeded(a->arg[i].ref));
	if (!ready) {
		a->state = SKIPPED;
		return;
	}
	a->state = DONE;
	if (!operation)
		return cannot(a, "no operation %s", string(a, "operation"));
	clock_gettime(CLOCK_MONOTONIC, &before);
	if (!sigsetjmp(on_trap, 1)) {
		operation->perform(a);
	} else {
		a->signal = trap.si_signo;
		a->code = trap.si_code;
		a->address = (uint64_t)trap.si_addr;
	}
	clock_gettime(CLOCK_MONOTONIC, &after);
	a->ns = (after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec;
}

/* A worker's life: runs of acts, [first, last), each answered by one byte. */
static void serve(int slot)
{
	int run[2], fd = sockets[slot][1];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, buffer_socket))
		die("socketpair: %m");
	for (;;) {
		ssize_t got = read(fd, run, sizeof run);

		if (got < 0 && errno == EINTR)
			continue;
		if (got != sizeof run)
			exit(0);
		for (int i = run[0]; i < run[1]; i++)
			perform(&shared->act[i]);
		if (write(fd, "", 1) != 1)
			exit(1);
	}
}

/* A process of the story that is nobody's child. */
static void process(struct act *a)
{
	int slot = slot_of(string(a, "pid"), 1);
	pid_t pid;

	if (slot < 0)
		return cannot(a, "too many processes for %s", string(a, "pid"));
	if (shared->worker[slot].pid)
		return;
	pid = fork();
	if (!pid)
		serve(slot);
	answer(a, shared->worker[slot].pid = pid);
}

static void play_run(int first, int last)
{
	const char *name = string(&shared->act[first], "pid");
	int slot = slot_of(name, 0), run[2] = {first, last};
	struct pollfd reply;
	char byte;

	if (slot < 0) { /* its fork failed */
		for (; first < last; first++)
			shared->act[first].state = SKIPPED;
		return;
	}
	reply = (struct pollfd){.fd = sockets[slot][0], .events = POLLIN};
	if (write(reply.fd, run, sizeof run) != sizeof run)
		die("to %s: %m", name);
	while (poll(&reply, 1, 1000) != 1) {
		pid_t pid = shared->worker[slot].pid;

		if (kill(pid, 0) || waitpid(pid, NULL, WNOHANG) > 0)
			die("process %s is dead", name);
	}
	if (read(reply.fd, &byte, 1) != 1)
		die("from %s: %m", name);
}

/* The host's lines */

static char *at; /* where the parser is */

static int next(void)
{
	while (isspace((unsigned char)*at) || *at == ',' || *at == ':')
		at++;
	return *at;
}

static char *json_string(void)
{
	char *from = ++at;

	at = strchr(at, '"');
	if (!at)
		die("a string without an end");
	*at++ = 0;
	return from;
}

static uint64_t json_number(void)
{
	char *from = at;
	uint64_t value = 0;

	if (!strncmp(at, "true", 4)) {
		at += 4;
		return 1;
	}
	if (!strncmp(at, "false", 5)) {
		at += 5;
		return 0;
	}
	value = *at == '-' ? (uint64_t)strtoll(at, &at, 10) : strtoull(at, &at, 10);
	if (at == from)
		die("expected a value at: %.40s", at);
	return value;
}

static struct arg json_value(char *name)
{
	struct arg arg = {.name = name, .ref = -1};

	if (next() == '"') {
		arg.string = json_string();
	} else if (*at == '{') {
		at++;
		while (next() == '"')
			if (!strcmp(json_string(), "ref"))
				next(), arg.ref = json_number();
			else
				next(), arg.number = json_number();
		at++;
	} else {
		arg.number = json_number();
	}
	return arg;
}

/* Read the array into shared->act; how many acts. */
static int parse(void)
{
	int acts = 0;

	at = shared->text;
	if (next() != '[')
		die("expected an array, got %.40s", at);
	for (at++; next() == '{'; acts++) {
		struct act *a = &shared->act[acts];

		if (acts == MAX_ACTS)
			die("more than %d acts", MAX_ACTS);
		memset(a, 0, sizeof *a);
		a->needs = -1;
		for (at++; next() == '"';) {
			char *name = json_string();

			if (a->args == MAX_ARGS)
				die("more than %d arguments", MAX_ARGS);
			if (strcmp(name, "needs"))
				a->arg[a->args++] = json_value(name);
			else
				next(), a->needs = json_number();
		}
		at++;
	}
	return acts;
}

static int port;

/* Wait until the port can be read from or written to. Neither read nor write may wait itself: a
 * write would wait for ever for a host that is gone. At first the host is not there yet. */
static void await_port(short events)
{
	static int met;
	struct pollfd at = {.fd = port, .events = events};

	for (int tries = 0; poll(&at, 1, -1) > 0; tries++) {
		if (!(at.revents & POLLHUP)) {
			met = 1;
			return;
		}
		if (met || tries == 1000)
			break;
		usleep(10000);
	}
	die("the host hung up");
}

static void put(const char *text, size_t length)
{
	for (ssize_t put; length; text += put, length -= put) {
		await_port(POLLOUT);
		put = write(port, text, length);
		if (put < 0 && errno == EAGAIN)
			put = 0;
		else if (put <= 0)
			die("port: %m");
	}
}

static void report(FILE *out, int i)
{
	struct act *a = &shared->act[i];

	fprintf(out, "{\"i\":%d,\"ns\":%lu,", i, a->ns);
	if (a->state == SKIPPED)
		fprintf(out, "\"skipped\":true}\n");
	else if (a->state == HELD)
		fprintf(out, "\"cannot\":\"still waits for its buffer\"}\n");
	else if (a->state != DONE)
		fprintf(out, "\"cannot\":\"%s\"}\n", a->cannot);
	else if (a->signal)
		fprintf(out, "\"signal\":%d,\"si_code\":%d,\"si_addr\":%lu}\n", a->signal, a->code,
			a->address);
	else if (a->error)
		fprintf(out, "\"errno\":%d}\n", a->error);
	else if (a->text)
		fprintf(out, "\"text\":\"%s\"}\n", a->text);
	else if (a->bytes) {
		fprintf(out, "\"bytes\":\"");
		for (uint64_t b = 0; b < a->value; b++)
			fprintf(out, "%02x", a->bytes[b]);
		fprintf(out, "\"}\n");
	} else
		fprintf(out, "\"value\":%lu}\n", a->value);
}

/* Send the results of acts [from, to). */
static void send_results(int from, int to, int done)
{
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	for (; from < to; from++)
		report(out, from);
	if (done)
		fprintf(out, "{\"done\":%d}\n", to);
	fclose(out);
	put(text, length);
	free(text);
}

static int in_same_run(struct act *a, struct act *first)
{
	const struct operation *operation = operation_of(a);

	return operation && !operation->by_main && !strcmp(string(a, "pid"), string(first, "pid"));
}

static void play(void)
{
	int acts = parse(), sent = 0;

	shared->used = 0;
	shared->held = 0;
	unmapping = NULL;
	for (int i = 0, last; i < acts; i = last) {
		const struct operation *operation = operation_of(&shared->act[i]);

		last = i + 1;
		if (!operation || operation->by_main) {
			if (!unmapping && !shared->held) {
				send_results(sent, i, 0); /* should this one hang, one sees which */
				sent = i;
			}
			perform(&shared->act[i]);
			continue;
		}
		while (last < acts && in_same_run(&shared->act[last], &shared->act[i]))
			last++;
		play_run(i, last);
	}
	send_results(sent, acts, 1);
}

/* The one port there is; the node may come before it can be opened. */
static int open_port(void)
{
	glob_t found;

	if (glob("/dev/vport*", 0, NULL, &found))
		return -1;
	return open(found.gl_pathv[0], O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

static void start(void)
{
	struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};
	cpu_set_t first = {{1}}; /* to wake a process on another CPU takes a millisecond here */

	page_size = sysconf(_SC_PAGESIZE);
	sched_setaffinity(0, sizeof first, &first);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	if (mount("proc", "/proc", "proc", 0, "") || mount("sysfs", "/sys", "sysfs", 0, "") ||
	    mount("devtmpfs", "/dev", "devtmpfs", 0, ""))
		die("mount: %m");
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, ""); /* a kernel may have none */
	mount("securityfs", "/sys/kernel/security", "securityfs", 0, "");
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "virtio_console" : "virtio_pci";
		int error = load_module(name, "");

		if (error)
			die("insmod %s: %s", name, strerror(error));
	}
	say("/sys/bus/pci/drivers_autoprobe", "0"); /* from here on a driver takes what it is told */
	for (int i = 0; i < 500 && (port = open_port()) < 0; i++)
		usleep(10000);
	if (port < 0)
		die("virtio port: %m");
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		die("mmap: %m");
	for (int i = 0; i < WORKERS; i++)
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets[i]))
			die("socketpair: %m");
}

int main(void)
{
	size_t have = 0;

	start();
	put("{\"ready\":1}\n", 12);
	for (;;) {
		ssize_t got;

		await_port(POLLIN);
		got = read(port, shared->text + have, TEXT - have - 1);
		if (got < 0 && errno == EAGAIN)
			continue;
		if (got <= 0)
			die("the host hung up");
		have += got;
		if (have == TEXT - 1)
			die("a line of more than %d bytes", TEXT);
		if (shared->text[have - 1] != '\n')
			continue;
		shared->text[have] = 0;
		have = 0;
		play();
	}
}
