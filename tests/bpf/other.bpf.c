/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
//
// Somebody else's XDP program, for the tests: counts what it sees and lets it pass.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} other_seen SEC(".maps");

SEC("xdp")
int other_prog(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *seen = bpf_map_lookup_elem(&other_seen, &key);

	if (seen)
		__sync_fetch_and_add(seen, 1);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
