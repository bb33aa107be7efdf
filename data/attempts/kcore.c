/* The driver's own mapping of the page, read through /proc/kcore. */
#include "attempt.h"
#include <elf.h>

/* Read 8 bytes at a kernel address; -1 with errno, ENXIO where no segment has it. */
static int read_kernel(uint64_t address, uint64_t *value)
{
	int file = open("/proc/kcore", O_RDONLY), done = -1;
	Elf64_Ehdr head;
	Elf64_Phdr part;

	if (file < 0 || pread(file, &head, sizeof head, 0) != sizeof head)
		return -1;
	errno = ENXIO;
	for (int i = 0; i < head.e_phnum && done; i++)
		if (pread(file, &part, sizeof part, head.e_phoff + i * sizeof part) > 0 &&
		    part.p_vaddr <= address && address < part.p_vaddr + part.p_memsz)
			done = pread(file, value, 8, part.p_offset + address - part.p_vaddr) == 8
			       ? 0 : -1;
	close(file);
	return done;
}

/* The first number of the line of a file that has a text, 0 for none. */
static uint64_t number_of(const char *path, const char *text)
{
	char line[512];
	uint64_t found = 0;
	FILE *file = fopen(path, "r");

	while (file && !found && fgets(line, sizeof line, file))
		if (strstr(line, text))
			found = strtoul(line + (line[0] == '0' && line[1] == 'x' ? 2 : 0), NULL, 16);
	if (file)
		fclose(file);
	return found;
}

static int attempt(void)
{
	char phys[40];
	uint64_t got = 0, banner = number_of("/proc/kallsyms", " linux_banner\n"), mapped;

	if (!banner || read_kernel(banner, &got) || memcmp(&got, "Linux ve", 8))
		return printf("/proc/kcore does not show linux_banner\n"), NOT_TRIED;
	if (say("/proc/sys/kernel/kptr_restrict", "1")) /* root sees addresses */
		give_up("kptr_restrict");
	claim();
	snprintf(phys, sizeof phys, "phys=0x%016lx", page);
	mapped = number_of("/proc/vmallocinfo", phys);
	printf("the driver's mapping: %s\n", mapped ? "found" : "none");
	got = 0;
	if (mapped)
		printf("read: %s", error_of(read_kernel(mapped + AT, &got))), printf(", %#lx\n", got);
	return ends(got == SECRET);
}
