/* virtio's window in configuration space reads and writes any register of a claimed BAR. */
#define OWN_MAIN
#include "attempt.h"

#define RNG "/sys/bus/pci/devices/0000:00:07.0/"
#define DRIVER "/sys/bus/pci/drivers/virtio-pci/"
#define NAME "0000:00:07.0"
#define QUEUE_SELECT 0x16 /* in the common structure, which has one in BAR 4 */

static int config, window;

static uint8_t byte_at(int at)
{
	uint8_t value = 0;

	if (pread(config, &value, 1, at) != 1)
		give_up(RNG "config");
	return value;
}

/* The capability of virtio of a type, 0 for none. */
static int capability(int type)
{
	for (int at = byte_at(0x34); at; at = byte_at(at + 1))
		if (byte_at(at) == 9 && byte_at(at + 3) == type)
			return at;
	return 0;
}

static void aim(int bar, uint32_t offset)
{
	uint8_t number = bar;
	uint32_t length = 2;

	if (pwrite(config, &number, 1, window + 4) != 1 || pwrite(config, &offset, 4, window + 8) != 4 ||
	    pwrite(config, &length, 4, window + 12) != 4)
		give_up("aim");
}

int main(int count, char **word)
{
	int common;
	uint16_t set = 0x123, got = 0;
	char *at;

	setbuf(stdout, NULL);
	if (count != 3)
		return printf("expected MODE ADDRESS\n"), NOT_TRIED;
	mode = word[1];
	page = strtoul(word[2], NULL, 0);
	if (!access(DRIVER NAME, F_OK) && say(DRIVER "unbind", NAME))
		give_up("unbind");
	config = open(RNG "config", O_RDWR);
	common = config < 0 ? 0 : capability(1);
	window = config < 0 ? 0 : capability(5);
	if (!common || !window)
		return printf("no window\n"), NOT_TRIED;
	if (strcmp(mode, "none") && (say(DRIVER "bind", NAME) || access(DRIVER NAME, F_OK)))
		give_up("bind");
	at = map("/dev/mem", page, 1);
	printf("mmap of /dev/mem: %s\n", at ? "works" : strerrorname_np(errno));
	if (!strcmp(mode, "late")) {
		at = map(RNG "resource4", 0, 1);
		printf("mmap of resource4: %s\n", at ? "works" : strerrorname_np(errno));
		return ends(at != NULL);
	}
	aim(byte_at(common + 4), QUEUE_SELECT);
	if (pwrite(config, &set, 2, window + 16) != 2 || pread(config, &got, 2, window + 16) != 2)
		give_up("window");
	printf("queue_select, written and read through the window: %#x\n", got);
	if (at) /* nobody claims it: the window shows the same register */
		printf("queue_select, read from the BAR: %#x\n", *(volatile uint16_t *)(at + QUEUE_SELECT));
	return ends(got == set && (!at || *(volatile uint16_t *)(at + QUEUE_SELECT) == set));
}
