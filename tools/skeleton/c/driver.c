/*
 * @NAME@: drive a @ID@ from an ordinary process.
 *
 * A fresh skeleton: it opens the device, shows what it is made of, takes
 * interrupts and has memory for DMA.  What your hardware does with them is
 * yours to add, where it says FILL IN.  `man libudrv` has every call.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <udrv.h>

#define ID		"@ID@"
#define REGISTERS	0	/* FILL IN: the BAR that has the registers */
#define ADDRESS_BITS	32	/* FILL IN: how far the device's DMA reaches */

/* FILL IN: registers, by the names and offsets of the datasheet. */
#define REG_ID		0x00

struct @NAME@ {
	int fd;			/* the device: all else hangs on this file */
	volatile void *registers;
	struct usr_dma memory;	/* descriptors and buffers */
	unsigned irq_kind;
};

static int complain(const char *what)
{
	fprintf(stderr, "@NAME@: %s: %s\n", what, usr_error());
	return -1;
}

static void show_regions(int fd, const struct udrv_info *info)
{
	static const char *const kinds[] = {
		"none", "memory", "ports", "ROM", "configuration" };
	struct udrv_region_info region;
	unsigned i;

	for (i = 0; i < info->out_regions; i++)
		if (!usr_region_info(fd, i, &region) &&
		    region.out_kind != UDRV_KIND_NONE)
			printf("region %u: %s, %" PRIu64 " bytes%s\n", i,
			       region.out_kind < 5 ? kinds[region.out_kind] : "?",
			       (uint64_t)region.out_size,
			       region.out_caps & UDRV_REGION_MMAP ? ", mappable" : "");
}

/* Messages if the device has them: they are never shared and need no rule. */
static int setup_interrupts(struct @NAME@ *dev, const struct udrv_info *info)
{
	struct udrv_irq_rule rule;

	memset(&rule, 0, sizeof(rule));
	if (info->out_msix) {
		dev->irq_kind = UDRV_IRQ_MSIX;
	} else if (info->out_msi) {
		dev->irq_kind = UDRV_IRQ_MSI;
	} else if (info->out_intx) {
		dev->irq_kind = UDRV_IRQ_INTX;
		/*
		 * FILL IN: with a rule the kernel acknowledges the interrupt, and
		 * waiting costs one system call.  Which register says that it is
		 * ours, and what ends it?  Without one the line is masked until
		 * the next wait.
		 *
		 * rule = usr_rule_claim(REGISTERS, REG_STATUS, 4, ~0u);
		 * rule.acks[0] = usr_rule_write_back(REGISTERS, REG_STATUS, 4, ~0u);
		 */
	} else {
		return 0;	/* it has none: poll its registers */
	}
	if (usr_irq_setup(dev->fd, dev->irq_kind, 1, &rule, 1))
		return complain("interrupts");
	return 0;
}

static int start(struct @NAME@ *dev, const char *name)
{
	struct udrv_info info;

	memset(dev, 0, sizeof(*dev));
	dev->fd = usr_open_or_bind(name, O_RDWR, NULL);
	if (dev->fd < 0 || usr_info(dev->fd, &info))
		return complain("open");
	printf("%s: %04x:%04x\n", info.out_name, info.out_vendor, info.out_device);
	show_regions(dev->fd, &info);

	dev->registers = usr_region_map(dev->fd, REGISTERS, 0, 0, 0);
	if (!dev->registers)
		return complain("registers");
	/* FILL IN: reset the device and bring it to a known state. */

	if (setup_interrupts(dev, &info))
		return -1;
	/* Messages and DMA are writes by the device: it must be allowed to. */
	if (info.out_caps & UDRV_INFO_DMA &&
	    (usr_bus_master(dev->fd, true) ||
	     usr_dma_alloc(dev->fd, 4096, ADDRESS_BITS, &dev->memory)))
		return complain("DMA");
	/* FILL IN: tell the device where its descriptors are: dev->memory.iova. */
	return 0;
}

/* FILL IN: what the driver does.  This waits for interrupts and counts them. */
static int work(struct @NAME@ *dev, int seconds)
{
	struct udrv_irq_event event;

	printf("register %#x: %#x\n", REG_ID,
	       (unsigned)usr_read32(dev->registers, REG_ID));
	if (dev->memory.address)
		printf("memory for DMA: %zu bytes, for the device at %#" PRIx64 "\n",
		       dev->memory.length, dev->memory.iova);
	if (dev->irq_kind == UDRV_IRQ_NONE)
		return 0;
	printf("waiting for interrupts\n");
	while (!usr_irq_wait(dev->fd, &event, seconds * 1000))
		printf("%u interrupts, status %#x\n", event.count, event.status);
	if (errno != ETIMEDOUT && errno != EINTR)
		return complain("interrupts");
	return 0;
}

static void stop(int signal)
{
	(void)signal;		/* it ends usr_irq_wait() */
}

int main(int argc, char **argv)
{
	struct sigaction action;
	struct @NAME@ dev;
	int failed;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		fprintf(stderr, "usage: %s [DEVICE]   (default: " ID ")\n", argv[0]);
		return 2;
	}
	memset(&action, 0, sizeof(action));
	action.sa_handler = stop;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	failed = start(&dev, argc == 2 ? argv[1] : ID) || work(&dev, 2);
	/* However it ends, the kernel undoes everything. */
	return failed ? 1 : 0;
}
