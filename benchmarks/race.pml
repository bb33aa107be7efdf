/* mmap against claim by hand: USERS processes map and unmap twice, DRIVERS claim and release twice.
 * The order of 6.12: check, populate, link; insert, both ends, zap VMA by VMA under the rmap lock.
 * One page; what the model of devmemkit has besides (files, protections, memory types) is left out.
 */
#define FREE 255
byte owner = FREE;     /* who has claimed the region */
bool linked[USERS];    /* in the i_mmap */
bool pte[USERS];       /* a page table entry */
byte walkers;          /* who holds the rmap lock for reading */

active [USERS] proctype user() {
	byte round = 0;
	do
	:: round < 2 ->
		if
		:: atomic { owner != FREE -> round++ }           /* EPERM */
		:: owner == FREE ->                              /* range_is_allowed */
			pte[_pid] = 1;                           /* remap_pfn_range */
			atomic { walkers == 0 -> linked[_pid] = 1 }  /* vma_link_file */
			skip;                                    /* mmap_end */
			atomic { walkers == 0 -> linked[_pid] = 0; pte[_pid] = 0; round++ }
		fi
	:: else -> break
	od
}

active [DRIVERS] proctype driver() {
	byte round = 0;
	byte at = 0;
	do
	:: round < 2 ->
		if
		:: atomic { owner != FREE -> round++ }           /* EBUSY */
		:: atomic { owner == FREE -> owner = _pid }      /* insert */
			skip;                                    /* both_ends */
			walkers++;                               /* zap_begin */
			do
			:: at < USERS -> d_step {
				if
				:: linked[at] -> pte[at] = 0
				:: else
				fi;
				at++
			}
			:: else -> break
			od;
			atomic { walkers--; at = 0 }
			atomic { owner = FREE; round++ }         /* release */
		fi
	:: else -> break
	od
}
