/* mprotect rewrites the page table entries while the claim clears them. */
#include "attempt.h"
#include "race.h"

#define PAGES 1024
static volatile int stop, ready;
static char *at;

static void *protects(void *unused)
{
	run_on(1);
	while (!stop) {
		mprotect(at, PAGES * PAGE, PROT_READ);
		mprotect(at, PAGES * PAGE, PROT_READ | PROT_WRITE);
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
		stop = ready = 0;
		pthread_create(&thread, NULL, protects, NULL);
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
