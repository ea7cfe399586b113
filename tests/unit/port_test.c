// SPDX-License-Identifier: BSD-3-Clause
//
// The frame buffers of ports. Starts an EAL of its own, without huge pages.
#include "dataplane/port.h"

#include <rte_eal.h>
#include <rte_mempool.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { FRAMES = 256 };

// A frame of 64 bytes then lies in one line, whoever writes or reads it: the NIC, the parser, act.
static void a_frame_starts_on_a_cache_line(void **state)
{
	struct gateway gateway = { .file = (char[]){ "test.conf" }, .memory_mb = 48 };
	char why[256] = "";
	struct rte_mempool *pool = port_pool_create(&gateway, why, sizeof(why));
	struct rte_mbuf *mbuf[FRAMES];

	if (!pool)
		fail_msg("%s", why);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, mbuf, FRAMES), 0);
	for (unsigned i = 0; i < FRAMES; i++)
		assert_int_equal((uintptr_t)rte_pktmbuf_mtod(mbuf[i], char *) % RTE_CACHE_LINE_SIZE,
				 0);
	rte_pktmbuf_free_bulk(mbuf, FRAMES);
	rte_mempool_free(pool);
}

// DPDK's AF_XDP driver registers the room that the buffers would take side by side, from the first piece of memory on; the
// kernel refuses a buffer past it without a word.
static void an_xdp_port_gets_no_buffer_that_its_sockets_do_not_reach(void **state)
{
	struct gateway gateway = { .file = (char[]){ "test.conf" },
				   .memory_mb = 48,
				   .n_ports = 1,
				   .ports = { { .type = GATEWAY_PORT_XDP } } };
	char why[256] = "";
	struct rte_mempool *pool = port_pool_create(&gateway, why, sizeof(why));
	struct rte_mbuf *mbuf;
	unsigned n = 0;

	if (!pool)
		fail_msg("%s", why);
	size_t size = rte_mempool_calc_obj_size(pool->elt_size, pool->flags, NULL);
	const char *end = (char *)STAILQ_FIRST(&pool->mem_list)->addr + pool->populated_size * size;

	for (; (mbuf = rte_pktmbuf_alloc(pool)) != NULL; n++)
		assert_true((char *)mbuf - pool->header_size + size <= end);
	assert_in_range(n, pool->size / 2, pool->size);
	rte_mempool_free(pool);
}

static void too_little_memory_for_frames_is_refused(void **state)
{
	struct gateway gateway = { .file = (char[]){ "test.conf" }, .memory_mb = 8 };
	char why[256] = "";

	assert_null(port_pool_create(&gateway, why, sizeof(why)));
	assert_string_equal(
		why,
		"test.conf: dataplane.memory_mb = 8 holds only 1724 frames (at least 32 MiB needed)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_starts_on_a_cache_line),
		cmocka_unit_test(an_xdp_port_gets_no_buffer_that_its_sockets_do_not_reach),
		cmocka_unit_test(too_little_memory_for_frames_is_refused),
	};
	char *argv[] = { (char[]){ "port_test" },      (char[]){ "--no-huge" },
			 (char[]){ "--no-shconf" },    (char[]){ "--no-pci" },
			 (char[]){ "--no-telemetry" }, (char[]){ "--log-level=error" },
			 (char[]){ "-m64" },           (char[]){ "-l0" } };

	if (rte_eal_init(8, argv) < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
