// SPDX-License-Identifier: MIT
/* udrv-edu: work the edu device, and say what is done. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "edu.h"

#define MAX_FACTORIAL 12	/* 13! does not fit 32 bits */

struct options {
	const char *device;
	unsigned irq_kind;
	uint32_t number;
};

static const char usage[] =
	"usage: udrv-edu [--msi | --poll] [--factorial N] DEVICE\n"
	"\n"
	"Work QEMU's edu device: liveness, a factorial, DMA there and back.\n"
	"\n"
	"  DEVICE           PCI address (0000:00:05.0) or vendor:device (1234:11e8);\n"
	"                   bound to udrv if it has no driver yet\n"
	"  --msi            interrupts by message, not by INTx\n"
	"  --poll           no interrupts\n"
	"  --factorial N    compute N!, 0 to 12 (default 5)\n"
	"  --help           this text\n"
	"\n"
	"Exit status: 0 all worked, 1 something did not, 2 wrong arguments.\n";

static int complain(const char *what, const char *detail)
{
	fprintf(stderr, "udrv-edu: %s%s; see udrv-edu --help\n", what, detail);
	return 2;
}

static int parse_number(const char *text, uint32_t *number)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno ||
	    value > MAX_FACTORIAL)
		return complain("--factorial takes a number from 0 to 12, not ", text);
	*number = (uint32_t)value;
	return 0;
}

static int choose_kind(struct options *options, unsigned kind)
{
	if (options->irq_kind != UDRV_IRQ_INTX && options->irq_kind != kind)
		return complain("--msi and --poll exclude each other", "");
	options->irq_kind = kind;
	return 0;
}

/* Return: 0, 2 = wrong, -1 = help was asked for. */
static int parse(int argc, char **argv, struct options *options)
{
	static const struct option long_options[] = {
		{ "msi", no_argument, NULL, 'm' },
		{ "poll", no_argument, NULL, 'p' },
		{ "factorial", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option, status = 0;

	*options = (struct options) { .irq_kind = UDRV_IRQ_INTX, .number = 5 };
	while (!status &&
	       (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'm':
			status = choose_kind(options, UDRV_IRQ_MSI);
			break;
		case 'p':
			status = choose_kind(options, UDRV_IRQ_NONE);
			break;
		case 'f':
			status = parse_number(optarg, &options->number);
			break;
		case 'h':
			fputs(usage, stdout);
			return -1;
		default:	/* getopt_long() said what */
			return 2;
		}
	}
	if (status)
		return status;
	if (argc - optind != 1)
		return complain(argc == optind ? "no device was given" :
				"more than one device was given", "");
	options->device = argv[optind];
	return 0;
}

static const char *show_factorial(struct edu *edu, const struct options *options)
{
	static const char *const by[] = { "polling", "INTx interrupt", "MSI" };
	uint32_t result = 0, expected = 1, i;
	const char *problem = edu_factorial(edu, options->number, &result);

	if (problem)
		return problem;
	for (i = 2; i <= options->number; i++)
		expected *= i;
	printf("factorial: %u! = %u, by %s\n", options->number, result,
	       by[options->irq_kind]);
	return result == expected ? NULL : "that is wrong";
}

/* The first half of our memory to the card, and back to the second half. */
static const char *show_dma(struct edu *edu)
{
	const char *problem = edu_start_dma(edu, 2 * EDU_MOST);
	unsigned char *there, *back;
	int i;

	if (problem)
		return problem;
	there = edu->memory.address;
	back = there + EDU_MOST;
	for (i = 0; i < EDU_MOST; i++)
		there[i] = (unsigned char)(i * 7 + i / 256);
	problem = edu_to_card(edu, 0, 0, EDU_MOST);
	if (!problem)
		problem = edu_from_card(edu, EDU_MOST, 0, EDU_MOST);
	if (problem)
		return problem;
	if (memcmp(there, back, EDU_MOST) != 0)
		return "DMA brought back other bytes than it took there";
	printf("DMA: %d bytes from %#llx to the card and back to %#llx, all equal\n",
	       EDU_MOST, (unsigned long long)edu->memory.iova,
	       (unsigned long long)edu->memory.iova + EDU_MOST);
	return NULL;
}

static const char *show(struct edu *edu, int fd, const struct options *options)
{
	const char *problem = edu_start(edu, fd, options->irq_kind);

	if (problem)
		return problem;
	printf("id: %#010x, an edu device, revision %u.%u\n", edu_id(edu),
	       edu_id(edu) >> 24, edu_id(edu) >> 16 & 0xff);
	problem = edu_check_liveness(edu, 0x12345678);
	if (problem)
		return problem;
	printf("liveness: 0x12345678 comes back as its complement\n");
	problem = show_factorial(edu, options);
	if (!problem)
		problem = show_dma(edu);
	return problem ? problem : edu_stop(edu);
}

int main(int argc, char **argv)
{
	struct options options;
	const char *problem;
	struct edu edu;
	bool bound;
	int fd, status;

	/* What was done, in the order it was done, before a complaint about it. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	status = parse(argc, argv, &options);
	if (status)
		return status < 0 ? 0 : status;
	fd = usr_open_or_bind(options.device, O_RDWR, &bound);
	if (fd < 0) {
		fprintf(stderr, "udrv-edu: %s\n", usr_error());
		return 1;
	}
	if (bound)
		printf("bound %s to udrv\n", options.device);
	problem = show(&edu, fd, &options);
	close(fd);
	if (problem)
		fprintf(stderr, "udrv-edu: %s: %s\n", options.device, problem);
	/* It may not be an edu device at all: leave it as it was. */
	if (problem && bound && !usr_unbind(options.device))
		printf("unbound %s again\n", options.device);
	if (fflush(stdout) || ferror(stdout))
		return 1;
	return problem ? 1 : 0;
}
