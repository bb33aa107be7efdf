/* A CPU goes off line and comes back while a thread on it reads, and the claim comes meanwhile. */
#include "attempt.h"
#include "race.h"

#define CPU1 "/sys/devices/system/cpu/cpu1/online"
#undef TRIES
#define TRIES 12
static volatile int stop, ready, switched;
static char *at;

static void *switches(void *unused)
{
	while (!stop) {
		if (say(CPU1, "0") || say(CPU1, "1"))
			give_up(CPU1);
		switched++;
	}
	return NULL;
}

static void *hammers(void *unused)
{
	run_on(1);
	if (!sigsetjmp(on_trap, 1))
		for (;; ready = 1)
			*(volatile uint64_t *)(at + AT);
	return NULL;
}

static int attempt(void)
{
	int reached = 0;
	pthread_t thread[2];

	run_on(0);
	if (access(CPU1, W_OK))
		give_up(CPU1);
	for (int i = 0; i < TRIES; i++) {
		at = must_map("/dev/mem", page, 1);
		stop = ready = switched = 0;
		pthread_create(&thread[0], NULL, hammers, NULL);
		while (!ready)
			sched_yield();
		pthread_create(&thread[1], NULL, switches, NULL);
		while (!switched)
			sched_yield();
		claim();
		stop = 1;
		pthread_join(thread[1], NULL);
		run_on(1); /* the CPU that was away */
		if (!sigsetjmp(on_trap, 1))
			reached += *(volatile uint64_t *)(at + AT) == SECRET;
		run_on(0);
		munmap(at, PAGE); /* ends the other thread, too */
		pthread_join(thread[0], NULL);
		release();
	}
	printf("%d of %d: the CPU that came back reads the page\n", reached, TRIES);
	return ends(reached);
}
