/* remap_file_pages turns a mapping of the neighbour's page into one of the claimed page. */
#include "attempt.h"

static int attempt(void)
{
	char *at = must_map("/dev/mem", page - PAGE, 1);

	claim();
	printf("remap_file_pages: %s\n",
	       error_of(remap_file_pages(at, PAGE, 0, page / PAGE, 0)));
	return ends(reads("load", at));
}
