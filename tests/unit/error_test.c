// SPDX-License-Identifier: MIT
/* Sentences, and calls on what is no device. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "unit.h"

static void every_errno_has_advice(void **state)
{
	static const int all[] = {
		EINVAL, E2BIG, EFAULT, ENOTTY, EBADF, EBUSY, EPERM, ENODEV,
		ENXIO, ENOMEM, ENOSPC, ERANGE, ENOENT, EOPNOTSUPP, ETIMEDOUT,
		EINTR, EAGAIN,
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_string_not_equal(usr_advice(all[i]), strerror(all[i]));
		assert_true(strlen(usr_advice(all[i])) > 15);
	}
	assert_string_equal(usr_advice(ENFILE), strerror(ENFILE));
}

static void *fail_elsewhere(void *data)
{
	(void)data;
	assert_string_equal(usr_error(), "");
	usr_fail(EINVAL, "another thread's");
	return NULL;
}

static void sentences_belong_to_their_thread(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(usr_fail(ENOSPC, "%d of %s", 3, "these"), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
	pthread_join(thread, NULL);
	assert_string_equal(usr_error(), "3 of these");
}

static void a_sentence_may_quote_the_last_one(void **state)
{
	(void)state;
	usr_fail(EIO, "first");
	usr_fail(EIO, "second after %s", usr_error());
	assert_string_equal(usr_error(), "second after first");
}

static void long_sentences_are_cut(void **state)
{
	char *text = malloc(4000);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 3999);
	text[3999] = '\0';
	usr_fail(EIO, "%s", text);
	assert_true(strlen(usr_error()) > 500 && strlen(usr_error()) < 1000);
	free(text);
}

/* Every call on this file fails with this errno, and says so. */
static void all_calls_fail(int fd, int error, const char *word)
{
	struct udrv_io_step step = usr_step_read(0, 0, 4);
	struct udrv_dma entry = { .flags = UDRV_DMA_BOTH };
	struct usr_pci_sglist list[1] = { { { 0 }, { 0 } } };
	struct mapping_info map = { .size = 1, .sglist = list, .nents = 1 };
	struct udrv_region_info region;
	struct udrv_counters counters;
	struct usr_dma dma = { .id = 1 };
	struct udrv_info info;
	unsigned count = 99;
	uint64_t wide = 99;
	uint32_t value = 99;

	assert_fails(usr_info(fd, &info), error, word);
	assert_fails(usr_counters(fd, &counters), error, word);
	assert_fails(usr_bus_master(fd, true), error, word);
	assert_fails(usr_reset(fd), error, word);
	assert_fails(usr_release(fd), error, word);
	assert_fails(usr_region_info(fd, 0, &region), error, word);
	assert_fails_null(usr_region_map(fd, 0, 0, 0, 0), error, word);
	assert_fails(usr_io(fd, &step, 1, &count), error, word);
	assert_int_equal(count, 0);
	assert_fails(usr_io_read(fd, 0, 0, 4, &wide), error, word);
	assert_fails(usr_io_write(fd, 0, 0, 4, 0), error, word);
	assert_fails(usr_config_read(fd, 0, 4, &value), error, word);
	assert_fails(usr_config_write(fd, 4, 2, 0), error, word);
	assert_true(wide == 99 && value == 99);
	assert_fails(usr_irq_setup(fd, UDRV_IRQ_INTX, 1, NULL, 0), error, word);
	assert_fails(usr_irq_fd(fd, 0, 0), error, word);
	assert_fails_null(usr_event_map(fd, 1), error, word);
	assert_fails(usr_dma_alloc(fd, 4096, 0, &dma), error, word);
	assert_fails(usr_dma_adopt(fd, 1, &dma), error, word);
	assert_fails(usr_dma_free(fd, &dma), error, word);
	assert_fails(usr_dma_map(fd, &map, 1, UDRV_DMA_BOTH, 0, &dma), error, word);
	assert_fails(usr_dma_sync(fd, &dma, 0, 1, UDRV_DMA_TO_DEVICE), error, word);
	assert_fails(usr_dma_unmap(fd, &dma), error, word);
	assert_fails(usr_dma_batch(fd, UDRV_DMA_MAP, &entry, 1, &count), error, word);
	assert_fails(usr_dma_list(fd, &entry, 1, &count), error, word);
	assert_fails(usr_pci_map(fd, USR_ALLOC_CONSISTENT, &map), error, word);
	assert_fails(usr_pci_map(fd, USR_MAP, &map), error, word);
	assert_fails(usr_pci_map(fd, USR_UNMAP, &map), error, word);
	assert_int_equal(dma.id, 1);
	assert_int_equal(map.nents, 1);
}

static void other_files_are_told(void **state)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
	struct udrv_irq_event event;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	all_calls_fail(null, ENOTTY, "not a udrv device");
	all_calls_fail(zero, ENOTTY, "not a udrv device");
	all_calls_fail(ends[0], ENOTTY, "not a udrv device");
	assert_fails(usr_irq_wait(null, &event, -1), ENOTTY, "not a udrv device");
	assert_fails(usr_irq_wait(ends[0], &event, 1), ETIMEDOUT, "in time");
	close(null);
	close(zero);
	close(ends[0]);
	close(ends[1]);
}

static void closed_files_are_told(void **state)
{
	struct udrv_irq_event event;

	(void)state;
	all_calls_fail(-1, EBADF, "-1 is not an open file");
	all_calls_fail(1000000, EBADF, "1000000 is not an open file");
	assert_fails(usr_irq_wait(-1, &event, -1), EBADF, "not an open file");
	assert_fails(usr_irq_wait(-1, &event, 10), EBADF, "not an open file");
	assert_fails(usr_irq_wait(1000000, &event, 10), EBADF, "not an open file");
}

static void waiting_again_is_told(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct udrv_irq_event event;

	(void)state;
	assert_true(fd >= 0);
	assert_fails(usr_irq_wait(fd, &event, -1), EAGAIN, "armed");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_errno_has_advice),
		cmocka_unit_test(sentences_belong_to_their_thread),
		cmocka_unit_test(a_sentence_may_quote_the_last_one),
		cmocka_unit_test(long_sentences_are_cut),
		cmocka_unit_test(other_files_are_told),
		cmocka_unit_test(closed_files_are_told),
		cmocka_unit_test(waiting_again_is_told),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
