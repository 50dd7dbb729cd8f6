// SPDX-License-Identifier: MIT
/*
 * A fuzz program without libFuzzer: the inputs of a file, each a line of hex
 * digits, then so many made from them in an order that is always the same.
 *
 *	NAME_replay [FILE [RUNS]]
 *
 * Says what it did as TAP.  The input that ends it is on standard error.
 */
#include <fcntl.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUNS		10000
#define INPUTS		512
#define LONGEST		1024
#define SECONDS		120		/* a run that hangs */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t *data;
	size_t size;
};

static struct input inputs[INPUTS];
static unsigned input_count;
static uint8_t present[LONGEST];
static size_t present_size;
static int complaints, results;

static void say_input(void)
{
	dprintf(complaints, "the input:\n");
	for (size_t i = 0; i < present_size; i++)
		dprintf(complaints, "%02x", present[i]);
	dprintf(complaints, "\n");
}

static void die(int signal_number)
{
	dprintf(complaints, "signal %d; ", signal_number);
	say_input();
	_exit(1);
}

static void one(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size + !size);

	if (!exact)
		exit(1);
	memcpy(present, data, size);
	present_size = size;
	memcpy(exact, data, size);
	alarm(SECONDS);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, c);

	return c && at ? (int)(at - digits) : -1;
}

static void add_input(const char *line)
{
	struct input *input = &inputs[input_count];
	size_t size = 0;

	input->data = malloc(strlen(line) / 2 + 1);
	if (!input->data)
		exit(1);
	for (; size < LONGEST && hex(line[0]) >= 0 && hex(line[1]) >= 0; line += 2)
		input->data[size++] = (uint8_t)(hex(line[0]) << 4 | hex(line[1]));
	input->size = size;
	input_count++;
}

static void read_inputs(const char *name)
{
	FILE *file = fopen(name, "re");
	char *line = NULL;
	size_t room = 0;

	if (!file) {
		dprintf(complaints, "%s: cannot be read\n", name);
		exit(1);
	}
	while (input_count < INPUTS && getline(&line, &room, file) > 0)
		if (*line != '#')
			add_input(line);
	free(line);
	fclose(file);
}

static uint32_t chance(uint32_t below)
{
	static uint64_t state = 0x9e3779b97f4a7c15;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 32) % below);
}

static void change(uint8_t *data, size_t *size)
{
	const struct input *other = &inputs[chance(input_count)];
	size_t at = chance((uint32_t)*size + 1), some;

	switch (chance(6)) {
	case 0:				/* goes on as another does */
		some = other->size ? chance((uint32_t)other->size) : 0;
		if (at + other->size - some > LONGEST)
			break;
		memcpy(data + at, other->data + some, other->size - some);
		*size = at + other->size - some;
		break;
	case 1:				/* ends early */
		*size = at;
		break;
	case 2:				/* one more */
		if (*size == LONGEST)
			break;
		memmove(data + at + 1, data + at, *size - at);
		data[at] = (uint8_t)chance(256);
		++*size;
		break;
	case 3:				/* one less */
		if (at == *size)
			break;
		memmove(data + at, data + at + 1, *size - at - 1);
		--*size;
		break;
	case 4:				/* all ones, from somewhere on */
		memset(data + at, 0xff, *size - at);
		break;
	default:
		if (at < *size)
			data[at] = (uint8_t)chance(256);
	}
}

static void made_input(void)
{
	static uint8_t data[LONGEST];
	const struct input *from = &inputs[chance(input_count)];
	size_t size = from->size;

	memcpy(data, from->data, size);
	for (uint32_t changes = 1 + chance(8); changes; changes--)
		change(data, &size);
	one(data, size);
}

/* What the programs under test say is not the result. */
static void silence(void)
{
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

	results = dup(STDOUT_FILENO);
	complaints = dup(STDERR_FILENO);
	if (nowhere < 0 || results < 0 || complaints < 0 ||
	    dup2(nowhere, STDOUT_FILENO) < 0 || dup2(nowhere, STDERR_FILENO) < 0)
		exit(1);
	close(nowhere);
	__sanitizer_set_report_fd((void *)(intptr_t)complaints);
	__sanitizer_set_death_callback(say_input);
}

int main(int argc, char **argv)
{
	unsigned runs = argc > 2 ? (unsigned)atoi(argv[2]) : RUNS;

	silence();
	signal(SIGABRT, die);
	signal(SIGALRM, die);
	one((const uint8_t *)"", 0);
	if (argc > 1)
		read_inputs(argv[1]);
	for (unsigned i = 0; i < input_count; i++)
		one(inputs[i].data, inputs[i].size);
	if (!input_count)
		add_input("00");
	for (unsigned i = 0; i < runs; i++)
		made_input();
	alarm(0);
	dprintf(results, "1..1\nok 1 - survives %u inputs\n", runs + 1 + input_count);
	for (unsigned i = 0; i < input_count; i++)
		free(inputs[i].data);
	return 0;
}
