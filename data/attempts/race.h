/* Many tries of a claim against what another thread does meanwhile. */
#define TRIES 60

static inline long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000L + time.tv_nsec;
}

static long claim_begun;

/* Try number `i` of TRIES claims after that part of `most` ns. */
static inline void claim_within(int i, long most)
{
	long until = now() + most * i / TRIES;

	while (now() < until)
		;
	claim_begun = now();
	claim();
}

static inline void run_on(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof one, &one);
}
