/* A write to /dev/mem that is queued before the claim and carried out after it (io_uring). */
#include "attempt.h"
#include <linux/io_uring.h>

static int attempt(void)
{
	struct io_uring_params about = {0};
	int ring = syscall(SYS_io_uring_setup, 4, &about), mem = open("/dev/mem", O_RDWR | O_SYNC);
	int pair[2];
	uint64_t mark = MARK;
	char byte, *queue, *done;
	struct io_uring_sqe *act;

	if (ring < 0 || mem < 0 || pipe(pair))
		give_up("io_uring");
	queue = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	done = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	act = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	act[0] = (struct io_uring_sqe){.opcode = IORING_OP_READ, .fd = pair[0], .off = -1,
				       .addr = (uint64_t)&byte, .len = 1, .flags = IOSQE_IO_LINK};
	act[1] = (struct io_uring_sqe){.opcode = IORING_OP_WRITE, .fd = mem, .off = page + AT,
				       .addr = (uint64_t)&mark, .len = 8};
	for (unsigned int i = 0; i < 2; i++)
		((unsigned int *)(queue + about.sq_off.array))[i] = i;
	__atomic_store_n((unsigned int *)(queue + about.sq_off.tail), 2, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 2, 0, 0, NULL, 0) != 2)
		give_up("io_uring_enter");
	claim();
	if (write(pair[1], "x", 1) != 1 ||
	    syscall(SYS_io_uring_enter, ring, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		give_up("io_uring_enter");
	for (int i = 0; i < 2; i++) {
		int result = ((struct io_uring_cqe *)(done + about.cq_off.cqes))[i].res;

		printf("%s: %s\n", i ? "write" : "read of the pipe",
		       result < 0 ? strerrorname_np(-result) : "works");
	}
	return landed();
}
