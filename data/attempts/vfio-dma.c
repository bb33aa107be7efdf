/* A mapping of the page is given to a device for DMA (VFIO, type 1) before the claim. */
#include "attempt.h"
#include <linux/vfio.h>

#define EDU "/sys/bus/pci/devices/0000:00:07.0/"
#define TYPE1 "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"
#define BUFFER 0x40000UL
#define IOVA 0x100000UL
#define OWN_IOVA 0x200000UL

static int container, group, device;
static volatile char *registers;

static void must(long result, const char *what)
{
	if (result < 0)
		give_up(what);
}

static void open_device(void)
{
	struct vfio_region_info bar = {.argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX};
	struct vfio_region_info config = {.argsz = sizeof(config),
					  .index = VFIO_PCI_CONFIG_REGION_INDEX};
	char link[256], path[300];
	uint16_t command = 6; /* memory and bus master */

	must(say(TYPE1, "Y"), TYPE1); /* the guest's IOMMU does not remap interrupts */
	must(say(EDU "driver_override", "vfio-pci"), "driver_override");
	say(EDU "driver/unbind", "0000:00:07.0"); /* of an earlier run */
	must(say("/sys/bus/pci/drivers_probe", "0000:00:07.0"), "drivers_probe");
	must(readlink(EDU "iommu_group", memset(link, 0, sizeof(link)), sizeof(link) - 1),
	     "iommu_group");
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(link, '/') + 1);
	must(container = open("/dev/vfio/vfio", O_RDWR), "/dev/vfio/vfio");
	must(group = open(path, O_RDWR), path);
	must(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container), "VFIO_GROUP_SET_CONTAINER");
	must(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "VFIO_SET_IOMMU");
	must(device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "0000:00:07.0"), "the device");
	must(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar), "region of BAR 0");
	must(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config), "region of the configuration");
	must(pwrite(device, &command, 2, config.offset + 4), "command register");
	registers = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, device, bar.offset);
	if (registers == MAP_FAILED)
		give_up("mmap of BAR 0");
}

static int map_dma(void *at, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map dma = {
		.argsz = sizeof(dma), .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)at, .iova = iova, .size = PAGE};

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &dma);
}

static void unmap_dma(uint64_t iova)
{
	struct vfio_iommu_type1_dma_unmap dma = {.argsz = sizeof(dma), .iova = iova, .size = PAGE};

	must(ioctl(container, VFIO_IOMMU_UNMAP_DMA, &dma), "VFIO_IOMMU_UNMAP_DMA");
}

static void transfer(uint64_t from, uint64_t to, int to_memory)
{
	*(volatile uint64_t *)(registers + 0x80) = from;
	*(volatile uint64_t *)(registers + 0x88) = to;
	*(volatile uint64_t *)(registers + 0x90) = 8;
	*(volatile uint64_t *)(registers + 0x98) = 1 | (to_memory ? 2 : 0);
	while (*(volatile uint64_t *)(registers + 0x98) & 1)
		usleep(1000);
}

/* Give the page at this address a value that the process has written to a page of its own. */
static void write_by_dma(char *own, uint64_t value, uint64_t iova)
{
	*(volatile uint64_t *)(own + AT) = value;
	transfer(OWN_IOVA + AT, BUFFER, 0);
	transfer(BUFFER, iova + AT, 1);
}

static int attempt(void)
{
	char *at = must_map("/dev/mem", page, 1);
	char *own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	open_device();
	must(map_dma(own, OWN_IOVA), "VFIO_IOMMU_MAP_DMA of memory");
	must(map_dma(at, IOVA), "VFIO_IOMMU_MAP_DMA of the page");
	claim();
	printf("VFIO_IOMMU_MAP_DMA of it now: %s\n", error_of(map_dma(at, IOVA + PAGE)));
	reads("load", at);
	transfer(IOVA + AT, BUFFER, 0);
	transfer(BUFFER, OWN_IOVA + AT, 1);
	if (!reads("what the device has read", own))
		return NOT_REACHED;
	write_by_dma(own, MARK, IOVA);
	unmap_dma(IOVA);
	write_by_dma(own, ~MARK, IOVA); /* the control: it does not land */
	return landed();
}
