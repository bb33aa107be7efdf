/* A page of memory whose first touch waits until `answer` is called. */
static int uffd = -1;

static char *missing_page(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register range = {.range = {(uint64_t)at, PAGE},
					.mode = UFFDIO_REGISTER_MODE_MISSING};

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &range))
		give_up("userfaultfd");
	return at;
}

/* Wait until somebody touches the page; 0 if nobody does within ten seconds. */
static int is_touched(void)
{
	struct pollfd fd = {.fd = uffd, .events = POLLIN};
	struct uffd_msg message;

	return poll(&fd, 1, 10000) == 1 && read(uffd, &message, sizeof message) == sizeof message;
}

static void answer(char *at)
{
	static uint64_t from[PAGE / 8];
	struct uffdio_copy copy = {.dst = (uint64_t)at, .src = (uint64_t)from, .len = PAGE};

	for (size_t i = 0; i < PAGE / 8; i++)
		from[i] = MARK;
	if (ioctl(uffd, UFFDIO_COPY, &copy))
		give_up("UFFDIO_COPY");
}
