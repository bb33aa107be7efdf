/* A fork copies the page tables while the claim empties them: the child may keep a page. */
#include "attempt.h"
#include "race.h"

#define PAGES 16384 /* the whole BAR */
static volatile int go, child_pid;
static volatile long begun, took;
static int out[2];
static char *at;

static void *forks(void *unused)
{
	run_on(1);
	while (!go)
		;
	begun = now();
	child_pid = fork();
	if (!child_pid) {
		char byte;

		close(out[1]);
		if (read(out[0], &byte, 1) < 0) /* until the claim has returned */
			_exit(2);
		if (sigsetjmp(on_trap, 1))
			_exit(1);
		_exit(*(volatile uint64_t *)(at + AT) != SECRET);
	}
	took = now() - begun;
	return NULL;
}

static int attempt(void)
{
	uint64_t start = page & ~(PAGES * PAGE - 1);
	int reached = 0, status, within = 0;

	run_on(0);
	for (int i = 0; i < TRIES; i++) {
		char *whole = must_map("/dev/mem", start, PAGES);
		pthread_t thread;
		long claimed;

		at = whole + (page - start);
		if (pipe(out))
			give_up("pipe");
		go = child_pid = 0;
		pthread_create(&thread, NULL, forks, NULL);
		go = 1;
		claim_within(i, took ? took : 2000000);
		claimed = now();
		pthread_join(thread, NULL);
		within += claim_begun < begun + took && claimed > begun;
		close(out[1]);
		waitpid(child_pid, &status, 0);
		reached += !WEXITSTATUS(status);
		close(out[0]);
		munmap(whole, PAGES * PAGE);
		release();
	}
	if (within < TRIES / 4)
		return printf("%d claims came during a fork\n", within), NOT_TRIED;
	printf("%d of %d children read the page\n", reached, TRIES);
	return ends(reached);
}
