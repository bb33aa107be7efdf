/* Other names of /dev/mem: a node of one's own, the descriptor opened anew, a bind mount. */
#include "attempt.h"

static int attempt(void)
{
	char name[32], *at[6];
	int file = open("/dev/mem", O_RDWR | O_SYNC), reached = 0;
	static const char *const what[] = {"node", "/proc/self/fd", "bind mount"};
	const char *path[] = {"/dev/other", name, "/dev/bound"};

	snprintf(name, sizeof name, "/proc/self/fd/%d", file);
	close(open("/dev/bound", O_CREAT, 0600));
	unlink("/dev/other");
	if (mknod("/dev/other", S_IFCHR | 0600, 1 << 8 | 1))
		give_up("mknod");
	if (mount("/dev/mem", "/dev/bound", NULL, MS_BIND, NULL))
		give_up("mount");
	for (int i = 0; i < 3; i++)
		at[i] = must_map(path[i], page, 1);
	claim();
	for (int i = 0; i < 3; i++) {
		reached |= reads(what[i], at[i]);
		at[i + 3] = map(path[i], page, 1);
		printf("%s, mapped anew: %s\n", what[i], at[i + 3] ? "works" : strerrorname_np(errno));
		reached |= at[i + 3] && reads("load", at[i + 3]);
	}
	umount("/dev/bound");
	return ends(reached);
}
