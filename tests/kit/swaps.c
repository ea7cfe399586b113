// SPDX-License-Identifier: BSD-3-Clause
//
// The ground of swap tests, see swaps.h.
#include "tests/kit/swaps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/registry.h"
#include "tests/kit/folder.h"
#include "tests/kit/segments.h"
#include "tests/kit/text.h"

struct kit_swap t;
struct kit_fake fakes[WORKERS];

int kit_swap_setup(void **state)
{
	const struct segment_shape shape = { WORKERS, 2, 512, 1024 };

	memset(&t, 0, sizeof(t));
	t.segment = segment_make(&shape);
	strcpy(t.ports[0].name, "in0");
	strcpy(t.ports[1].name, "out0");
	t.folder = folder_make();
	t.gateway = gateway_default();
	free(t.gateway->state_dir);
	t.gateway->state_dir = strdup(t.folder);
	t.handover.qsbr = aligned_alloc(64, rte_rcu_qsbr_get_memsize(WORKERS));
	rte_rcu_qsbr_init(t.handover.qsbr, WORKERS);
	for (unsigned w = 0; w < WORKERS; w++)
		rte_rcu_qsbr_thread_register(t.handover.qsbr, w);
	t.swap = (struct swap){ .context = { registry_create(t.segment), t.ports, 2, WORKERS },
				.gateway = t.gateway,
				.handover = &t.handover,
				.segment = t.segment };
	return 0;
}

int kit_swap_teardown(void **state)
{
	swap_fini(&t.swap);
	registry_destroy(t.swap.context.registry);
	free(t.handover.qsbr);
	gateway_destroy(t.gateway);
	folder_remove(t.folder);
	free(t.segment);
	return 0;
}

int kit_memory(const void *data, size_t size, size_t file_size, int seals)
{
	int fd = memfd_create("table", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	assert_int_equal(write(fd, data, size), size);
	assert_int_equal(ftruncate(fd, (off_t)file_size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

struct sealed kit_sealed(const void *data, size_t size)
{
	return (struct sealed){ kit_memory(data, size, size, SEALS), size };
}

int kit_offer_text(const char *text, uint64_t generation)
{
	struct swap_offer offer = { .routes = { .fd = -1 } };
	struct kit_text kit;
	int err;

	kit_text_open(&kit, text);
	offer.table = kit_sealed(kit.image.data, kit.image.size);
	offer.generation = generation;
	err = swap_offer(&t.swap, &offer, t.why, sizeof(t.why));
	kit_text_close(&kit);
	return err;
}

static void *fake_run(void *argument)
{
	struct kit_fake *fake = argument;
	struct weir_worker *shared = segment_producer(t.segment, fake->index);
	unsigned seed = fake->index;

	rte_rcu_qsbr_thread_online(t.handover.qsbr, fake->index);
	while (!fake->stop) {
		struct paths *paths =
			atomic_load_explicit(&t.handover.current, memory_order_acquire);
		struct timespec moment = { 0, rand_r(&seed) % 200000 };

		atomic_store_explicit(&shared->generation, paths->live->generation,
				      memory_order_release);
		do {
			nanosleep(&moment, NULL);
			fake->sum += paths->live->table.header->magic + paths->verdicts[0].name;
			if (paths->verdicts[0].n_slots > 0)
				fake->sum +=
					paths->members[paths->slots[paths->verdicts[0].slot]].name;
		} while (fake->stuck && !fake->stop);
		rte_rcu_qsbr_quiescent(t.handover.qsbr, fake->index);
	}
	rte_rcu_qsbr_thread_offline(t.handover.qsbr, fake->index);
	return NULL;
}

void kit_fakes_start(void)
{
	for (unsigned w = 0; w < WORKERS; w++) {
		fakes[w] = (struct kit_fake){ .index = w };
		pthread_create(&fakes[w].thread, NULL, fake_run, &fakes[w]);
	}
}

void kit_fakes_stop(void)
{
	for (unsigned w = 0; w < WORKERS; w++) {
		fakes[w].stop = true;
		pthread_join(fakes[w].thread, NULL);
	}
}
