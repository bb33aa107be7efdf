/* A device without a driver, whose registers a process maps, reads and writes the page by DMA. */
#include "attempt.h"

#define EDU "/sys/bus/pci/devices/0000:00:07.0/"
#define BUFFER 0x40000UL

static volatile char *registers;

static void transfer(uint64_t from, uint64_t to, int to_memory)
{
	*(volatile uint64_t *)(registers + 0x80) = from;
	*(volatile uint64_t *)(registers + 0x88) = to;
	*(volatile uint64_t *)(registers + 0x90) = 8;
	*(volatile uint64_t *)(registers + 0x98) = 1 | (to_memory ? 2 : 0);
	for (int i = 0; i < 1000 && *(volatile uint64_t *)(registers + 0x98) & 1; i++)
		usleep(10000);
}

static int attempt(void)
{
	int config = open(EDU "config", O_RDWR);
	uint16_t command = 6; /* memory and bus master */
	uint64_t beside = page - PAGE + AT;
	char *own;

	if (config < 0 || pwrite(config, &command, 2, 4) != 2)
		give_up(EDU "config");
	registers = must_map(EDU "resource0", 0, 1);
	own = must_map("/dev/mem", page - PAGE, 1);
	*(volatile uint64_t *)(own + AT) = 0;
	claim();
	transfer(page + AT, BUFFER, 0);
	transfer(BUFFER, beside, 1);
	if (!reads("what the device has read", own))
		return NOT_REACHED;
	*(volatile uint64_t *)(own + AT) = MARK;
	transfer(beside, BUFFER, 0);
	transfer(BUFFER, page + AT, 1);
	return landed();
}
