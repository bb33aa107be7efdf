/* mremap moves a mapping to and fro while the claim looks for it. */
#include "attempt.h"
#include "race.h"

#define PAGES 1024
static volatile int stop, ready;
static char *volatile at, *other;

static void *moves(void *unused)
{
	run_on(1);
	while (!stop) {
		char *to = other, *from = at;

		if (mremap(from, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
			give_up("mremap");
		at = to;
		other = from;
		ready = 1;
	}
	return NULL;
}

static int attempt(void)
{
	uint64_t start = page & ~(PAGES * PAGE - 1);
	int reached = 0;

	run_on(0);
	for (int i = 0; i < TRIES; i++) {
		pthread_t thread;

		at = must_map("/dev/mem", start, PAGES);
		other = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		stop = ready = 0;
		pthread_create(&thread, NULL, moves, NULL);
		while (!ready)
			;
		claim_within(i, 1000000);
		stop = 1;
		pthread_join(thread, NULL);
		if (!sigsetjmp(on_trap, 1))
			reached += *(volatile uint64_t *)(at + (page - start) + AT) == SECRET;
		munmap(at, PAGES * PAGE);
		release();
	}
	printf("%d of %d mappings still show the page\n", reached, TRIES);
	return ends(reached);
}
