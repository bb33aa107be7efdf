// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * Puts a repaired order of mmap, or of write(2), into the running kernel of a guest, for device
 * memory.
 *
 * The symbols that it uses are offered to GPL modules only, so as a kernel module it is GPL-2.0;
 * as a part of devmemkit it is under the MIT License. It never unloads.
 *
 * Parameters: repair, one of repairs[]; window, the time in us that a fault handler leaves between
 * its check and the insertion.
 * Hooked by ftrace: mmap_region, write_mem, and the functions that populate a VMA: remap_pfn_range,
 * and remap_pfn_range_complete from 6.19 on. A hook calls the original function, which is hooked as
 * well; redirect() lets a call from this module pass.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/ftrace.h>
#include <linux/ioport.h>
#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/version.h>

static const char *const repairs[] = {
	"pass", "recheck", "link-first", "hold-rmap", "fault", "fault-unlocked", "bounce-locked",
};
enum { PASS, RECHECK, LINK_FIRST, HOLD_RMAP, FAULT, FAULT_UNLOCKED, BOUNCE_LOCKED, COUNT };

static char *repair = "pass";
module_param(repair, charp, 0444);
static unsigned int window;
module_param(window, uint, 0444);
static int chosen;

typedef unsigned long (*lookup_t)(const char *name);
typedef unsigned long (*mmap_region_t)(struct file *file, unsigned long address,
				       unsigned long length, unsigned long flags,
				       unsigned long pgoff, struct list_head *unmapped);
typedef ssize_t (*write_mem_t)(struct file *file, const char __user *from, size_t count,
			       loff_t *pos);
typedef int (*populate_t)(struct vm_area_struct *vma, unsigned long address, unsigned long pfn,
			  unsigned long size, pgprot_t prot);

static struct address_space *(*iomem_mapping)(void);	 /* iomem_get_mapping */
static int (*devmem_allowed)(unsigned long pfn);	 /* devmem_is_allowed */
static bool (*is_exclusive)(u64 address);		 /* iomem_is_exclusive */
static rwlock_t *lock_of_resources;			 /* resource_lock */
static int (*is_valid)(phys_addr_t address, size_t size); /* valid_phys_addr_range */
static void *(*xlate)(phys_addr_t address);		 /* xlate_dev_mem_ptr */
static void (*unxlate)(phys_addr_t address, void *at);	 /* unxlate_dev_mem_ptr */
static int (*unmap)(struct mm_struct *mm, unsigned long start, size_t length,
		    struct list_head *unmapped);	 /* do_munmap */

struct hook {
	const char *name;
	void *function;
	unsigned long original;
	struct ftrace_ops ops;
};

static unsigned long hooked_mmap_region(struct file *file, unsigned long address,
					unsigned long length, unsigned long flags,
					unsigned long pgoff, struct list_head *unmapped);
static ssize_t hooked_write_mem(struct file *file, const char __user *from, size_t count,
				loff_t *pos);
static int hooked_remap(struct vm_area_struct *vma, unsigned long address, unsigned long pfn,
			unsigned long size, pgprot_t prot);
static int hooked_complete(struct vm_area_struct *vma, unsigned long address, unsigned long pfn,
			   unsigned long size, pgprot_t prot);

enum { MMAP_REGION, WRITE_MEM, REMAP, COMPLETE };
static struct hook hooks[] = {
	[MMAP_REGION] = {"mmap_region", hooked_mmap_region},
	[WRITE_MEM] = {"write_mem", hooked_write_mem},
	[REMAP] = {"remap_pfn_range", hooked_remap},
	[COMPLETE] = {"remap_pfn_range_complete", hooked_complete},
};
/* Up to 6.18 /dev/mem populates by remap_pfn_range. */
static const int count = LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0) ? COMPLETE : COMPLETE + 1;

static void notrace redirect(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
			     struct ftrace_regs *regs)
{
	struct hook *hook = container_of(ops, struct hook, ops);

	if (!within_module(parent, THIS_MODULE))
		ftrace_regs_set_instruction_pointer(regs, (unsigned long)hook->function);
}

/* Whether a claim takes this mapping away: its file shares the iomem inode's address space. */
static bool is_revocable(struct file *file)
{
	return file && file->f_mapping == iomem_mapping();
}

/* Whether the kernel's own mmap would allow this page now: /dev/mem asks devmem_is_allowed, the
 * files of PCI devices ask iomem_is_exclusive. */
static bool is_allowed(struct file *file, unsigned long pfn)
{
	if (S_ISCHR(file_inode(file)->i_mode))
		return devmem_allowed(pfn);
	return !is_exclusive((u64)pfn << PAGE_SHIFT);
}

static bool are_allowed(struct vm_area_struct *vma)
{
	unsigned long pfn = vma->vm_pgoff, end = pfn + vma_pages(vma);

	for (; pfn < end; pfn++) {
		if (!is_allowed(vma->vm_file, pfn))
			return false;
		cond_resched();
	}
	return true;
}

/* By the clock: on a busy host udelay() is calibrated to less than it says. */
static void wait_for_window(void)
{
	ktime_t end = ktime_add_us(ktime_get(), window);

	while (ktime_before(ktime_get(), end))
		cpu_relax();
}

/* Checks and inserts one page. A revocation takes the rmap lock to read; a handler that holds it to
 * write runs before the revocation, whose zap then sees the page, or after it, and then the check
 * sees the claim. */
static vm_fault_t fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct address_space *mapping = vma->vm_file->f_mapping;
	unsigned long pfn = vma->vm_pgoff + ((vmf->address - vma->vm_start) >> PAGE_SHIFT);
	vm_fault_t result = VM_FAULT_SIGBUS;

	if (chosen == FAULT)
		i_mmap_lock_write(mapping);
	if (is_allowed(vma->vm_file, pfn)) {
		wait_for_window();
		result = vmf_insert_pfn(vma, vmf->address & PAGE_MASK, pfn);
	}
	if (chosen == FAULT)
		i_mmap_unlock_write(mapping);
	return result;
}

static const struct vm_operations_struct fault_ops = {
	.fault = fault,
	.access = generic_access_phys,
};

/* Whether the repair populates after mmap_region. A private mapping stays as it is with `fault`,
 * as the kernel inserts no single PFN into it. */
static bool is_delayed(struct vm_area_struct *vma)
{
	if (!is_revocable(vma->vm_file))
		return false;
	if (chosen == FAULT || chosen == FAULT_UNLOCKED)
		return vma->vm_flags & VM_SHARED || !(vma->vm_flags & VM_MAYWRITE);
	return chosen == LINK_FIRST || chosen == HOLD_RMAP;
}

static int populate_unless_delayed(populate_t original, struct vm_area_struct *vma,
				   unsigned long address, unsigned long pfn, unsigned long size,
				   pgprot_t prot)
{
	if (!is_delayed(vma))
		return original(vma, address, pfn, size, prot);
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	if (chosen == FAULT || chosen == FAULT_UNLOCKED)
		vma->vm_ops = &fault_ops;
	return 0;
}

static int hooked_remap(struct vm_area_struct *vma, unsigned long address, unsigned long pfn,
			unsigned long size, pgprot_t prot)
{
	return populate_unless_delayed((populate_t)hooks[REMAP].original, vma, address, pfn, size,
				       prot);
}

static int hooked_complete(struct vm_area_struct *vma, unsigned long address, unsigned long pfn,
			   unsigned long size, pgprot_t prot)
{
	return populate_unless_delayed((populate_t)hooks[COMPLETE].original, vma, address, pfn,
				       size, prot);
}

/* As both files map: from the first page of the VMA, whose offset is the PFN. */
static int populate(struct vm_area_struct *vma)
{
	return remap_pfn_range(vma, vma->vm_start, vma->vm_pgoff, vma->vm_end - vma->vm_start,
			       vma->vm_page_prot);
}

/* What is left to do when the kernel's mmap_region is done; 0, or an errno after which the mapping
 * must go. The task holds mmap_lock to write. */
static int complete_mapping(struct vm_area_struct *vma)
{
	struct address_space *mapping = vma->vm_file->f_mapping;
	int error;

	switch (chosen) {
	case RECHECK:
		return are_allowed(vma) ? 0 : -EPERM;
	case LINK_FIRST:
		return are_allowed(vma) ? populate(vma) : -EPERM;
	case HOLD_RMAP: /* a zap before the lock finds no page, as one before the link finds no VMA */
		i_mmap_lock_write(mapping);
		error = populate(vma);
		i_mmap_unlock_write(mapping);
		return error;
	}
	return 0;
}

static unsigned long hooked_mmap_region(struct file *file, unsigned long address,
					unsigned long length, unsigned long flags,
					unsigned long pgoff, struct list_head *unmapped)
{
	mmap_region_t original = (mmap_region_t)hooks[MMAP_REGION].original;
	unsigned long at = original(file, address, length, flags, pgoff, unmapped);
	int error;

	if (IS_ERR_VALUE(at) || !is_revocable(file))
		return at;
	error = complete_mapping(find_vma(current->mm, at));
	if (!error)
		return at;
	unmap(current->mm, at, length, unmapped);
	return error;
}

/* Whether a busy resource has any of these bytes; the caller holds resource_lock. */
static bool is_busy(struct resource *parent, u64 first, u64 last)
{
	for (struct resource *at = parent->child; at; at = at->sibling) {
		if (at->end < first || at->start > last)
			continue;
		if (at->flags & IORESOURCE_BUSY || is_busy(at, first, last))
			return true;
	}
	return false;
}

/* Writes bytes that are there to one page; all of them or an errno. A claim inserts its resource
 * under the lock that is held here from the check to the end of the copy. */
static ssize_t write_page(phys_addr_t address, const void *bytes, size_t size)
{
	int allowed = devmem_allowed(address >> PAGE_SHIFT);
	phys_addr_t page = address & PAGE_MASK;
	bool is_claimed;
	void *at;

	if (allowed != 1) /* 2: what is written is dropped */
		return allowed ? size : -EPERM;
	at = xlate(address);
	if (!at)
		return -EFAULT;
	read_lock(lock_of_resources);
	is_claimed = is_busy(&iomem_resource, page, page + PAGE_SIZE - 1);
	if (!is_claimed)
		memcpy(at, bytes, size);
	read_unlock(lock_of_resources);
	unxlate(address, at);
	return is_claimed ? -EPERM : size;
}

/* bounce-locked: takes the bytes of the process first, and waits for them with no check made. */
static ssize_t hooked_write_mem(struct file *file, const char __user *from, size_t count,
				loff_t *pos)
{
	ssize_t written = 0, done;
	void *bounce;

	if (chosen != BOUNCE_LOCKED)
		return ((write_mem_t)hooks[WRITE_MEM].original)(file, from, count, pos);
	if (!is_valid(*pos, count))
		return -EFAULT;
	bounce = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!bounce)
		return -ENOMEM;
	for (; written < count; written += done, *pos += done) {
		done = min(count - written, PAGE_SIZE - offset_in_page(*pos));
		done -= copy_from_user(bounce, from + written, done);
		done = done ? write_page(*pos, bounce, done) : -EFAULT;
		if (done < 0)
			break;
	}
	kfree(bounce);
	return done < 0 && (done == -EPERM || !written) ? done : written;
}

/* Fills in an address; false and a line in the log when the kernel has no such symbol. */
static bool find(lookup_t lookup, const char *name, void *address)
{
	unsigned long found = lookup(name);

	*(unsigned long *)address = found;
	if (!found)
		pr_err("expected the symbol %s, found none\n", name);
	return found;
}

static bool find_symbols(void)
{
	struct kprobe probe = {.symbol_name = "kallsyms_lookup_name"};
	lookup_t lookup;

	if (register_kprobe(&probe)) /* the only way to a function that is not exported */
		return false;
	lookup = (lookup_t)probe.addr;
	unregister_kprobe(&probe);
	for (int n = 0; n < count; n++)
		if (!find(lookup, hooks[n].name, &hooks[n].original))
			return false;
	return find(lookup, "resource_lock", &lock_of_resources) &&
	       find(lookup, "valid_phys_addr_range", &is_valid) &&
	       find(lookup, "xlate_dev_mem_ptr", &xlate) &&
	       find(lookup, "unxlate_dev_mem_ptr", &unxlate) &&
	       find(lookup, "iomem_get_mapping", &iomem_mapping) &&
	       find(lookup, "devmem_is_allowed", &devmem_allowed) &&
	       find(lookup, "iomem_is_exclusive", &is_exclusive) &&
	       find(lookup, "do_munmap", &unmap);
}

static int hook_up(struct hook *hook)
{
	int error;

	hook->ops.func = redirect;
	hook->ops.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_RECURSION;
	error = ftrace_set_filter_ip(&hook->ops, hook->original, 0, 0);
	return error ?: register_ftrace_function(&hook->ops);
}

static int __init start(void)
{
	int done, error;

	chosen = match_string(repairs, COUNT, repair);
	if (chosen < 0)
		return -EINVAL;
	if (!find_symbols())
		return -ENOENT;
	for (done = 0; done < count; done++) {
		error = hook_up(&hooks[done]);
		if (error)
			break;
	}
	if (done == count)
		return 0;
	pr_err("%s: expected to hook it, got error %d\n", hooks[done].name, error);
	while (done--)
		unregister_ftrace_function(&hooks[done].ops);
	return error;
}

module_init(start);
MODULE_DESCRIPTION("Repaired orders of mmap and write for device memory");
MODULE_LICENSE("Dual MIT/GPL");
