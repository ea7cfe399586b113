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
