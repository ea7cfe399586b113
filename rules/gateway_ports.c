// SPDX-License-Identifier: BSD-3-Clause
//
// Ports and listeners of gateway.conf.
#include <stdio.h>
#include <string.h>

#include "rules/address.h"
#include "rules/gateway_reader.h"

static const char *const port_keys[] = { "name", "device", "queues", "udp_checksum", "kernel", "emergency_queue",
					 "promiscuous", "type", "flood",  "blocked_max", "dispatch", "mtu", NULL };
static const char *const listener_keys[] = { "address", "port", "protocol", "decap", NULL };
static const char *const types[] = { "dpdk", "xdp", NULL };
static const char *const checksums[] = { "verify", "trust", NULL };
static const char *const protocols[] = { "native", "sip", "coap", NULL };

enum { MAX_DEVICE = 1024, MAX_INTERFACE = 15, MIN_MTU = 1280, MAX_MTU = 16384 };

static void read_port_name(struct gateway_reader *reader, config_setting_t *group,
			   struct gateway_port *port)
{
	const struct gateway *gateway = reader->gateway;
	int got = gateway_read_name(reader, group, "name", &port->name);

	if (got == 0)
		conf_error(&reader->conf, group, NULL, "it has no name");
	if (got <= 0 || port->name == NULL)
		return;
	for (unsigned i = 0; i < gateway->n_ports; i++)
		if (gateway->ports[i].name != NULL &&
		    strcmp(gateway->ports[i].name, port->name) == 0)
			conf_error(&reader->conf, config_setting_get_member(group, "name"),
				   "give each its own name",
				   "the name \"%s\" is taken, first on line %u", port->name,
				   gateway->ports[i].line);
	snprintf(reader->conf.what, sizeof(reader->conf.what), "port \"%s\"", port->name);
}

static void read_queues(struct gateway_reader *reader, config_setting_t *group,
			struct gateway_port *port)
{
	int64_t queues = 1;

	if (conf_int(&reader->conf, group, "queues", (struct conf_range){ 1, GATEWAY_MAX_WORKERS },
		     &queues) > 0 &&
	    queues > reader->gateway->n_workers)
		conf_error(&reader->conf, config_setting_get_member(group, "queues"),
			   "queue i is worker i's: add worker_cpus",
			   "queues %lld is more than the workers, which are %u", (long long)queues,
			   reader->gateway->n_workers);
	port->queues = (uint16_t)queues;
}

static void read_device(struct gateway_reader *reader, config_setting_t *group,
			struct gateway_port *port)
{
	const char *device = NULL;
	int got = conf_string(&reader->conf, group, "device", &device);

	if (got == 0)
		conf_error(&reader->conf, group,
			   "device = \"0000:03:00.0\" or a DPDK device string", "it has no device");
	if (got > 0 && gateway_text_is_good(reader, group, "device", device, MAX_DEVICE))
		gateway_replace(reader, &port->device, device);
}

// What the kernel takes as the name of an interface, without what it or shells read otherwise ("%d", "/").
bool gateway_is_interface(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

	return n > 0 && n <= MAX_INTERFACE && text[n] == '\0' && text[0] != '.' && text[0] != '-';
}

static void read_kernel(struct gateway_reader *reader, config_setting_t *group,
			struct gateway_port *port)
{
	const struct gateway *gateway = reader->gateway;
	const char *name = NULL;

	if (conf_string(&reader->conf, group, "kernel", &name) <= 0)
		return;
	if (!gateway_is_interface(name)) {
		conf_error(&reader->conf, config_setting_get_member(group, "kernel"),
			   "as \"weir0\": 1 to 15 letters, digits, '_', '-' and '.'",
			   "kernel \"%.80s\" cannot be the name of an interface", name);
		return;
	}
	for (unsigned i = 0; i < gateway->n_ports; i++)
		if (gateway->ports[i].kernel != NULL && strcmp(gateway->ports[i].kernel, name) == 0)
			conf_error(&reader->conf, config_setting_get_member(group, "kernel"),
				   "give each its own",
				   "the kernel interface \"%s\" is taken by the port of line %u", name,
				   gateway->ports[i].line);
	gateway_replace(reader, &port->kernel, name);
}

static void read_emergency_queue(struct gateway_reader *reader, config_setting_t *group,
				 struct gateway_port *port)
{
	if (conf_bool(&reader->conf, group, "emergency_queue", &port->emergency_queue) <= 0 ||
	    !port->emergency_queue)
		return;
	if (port->type == GATEWAY_PORT_XDP || port->queues < 2)
		conf_error(&reader->conf, config_setting_get_member(group, "emergency_queue"),
			   "leave it out, or give a DPDK port two queues",
			   "emergency_queue needs a DPDK port of several queues");
}

static void read_promiscuous(struct gateway_reader *reader, config_setting_t *group,
			     struct gateway_port *port)
{
	if (conf_bool(&reader->conf, group, "promiscuous", &port->promiscuous) > 0 && port->promiscuous &&
	    port->type == GATEWAY_PORT_XDP)
		conf_error(&reader->conf, config_setting_get_member(group, "promiscuous"),
			   "leave it out; the interface is the kernel's: ip link set ... promisc on",
			   "promiscuous needs a DPDK port");
}

static void read_mtu(struct gateway_reader *reader, config_setting_t *group, struct gateway_port *port)
{
	int64_t mtu = 0;

	if (conf_int(&reader->conf, group, "mtu", (struct conf_range){ MIN_MTU, MAX_MTU }, &mtu) <= 0)
		return;
	port->mtu = (uint16_t)mtu;
	if (port->type == GATEWAY_PORT_XDP)
		conf_error(&reader->conf, config_setting_get_member(group, "mtu"),
			   "leave it out; the interface is the kernel's: ip link set ... mtu N",
			   "mtu needs a DPDK port");
}

static void read_port(struct gateway_reader *reader, config_setting_t *group, unsigned i)
{
	struct gateway_port *port = &reader->gateway->ports[i];
	int checksum = 0, type = GATEWAY_PORT_DPDK;
	uint32_t file;

	snprintf(reader->conf.what, sizeof(reader->conf.what), "port number %u", i + 1);
	conf_place(&reader->conf, group, &file, &port->line);
	if (!config_setting_is_group(group)) {
		conf_group(&reader->conf, group, port_keys);
		return;
	}
	read_port_name(reader, group, port);
	conf_group(&reader->conf, group, port_keys);
	read_device(reader, group, port);
	read_queues(reader, group, port);
	read_kernel(reader, group, port);
	gateway_read_dispatch(reader, group, port);
	conf_word(&reader->conf, group, "udp_checksum", checksums, &checksum);
	port->trust_udp_checksum = checksum == 1;
	conf_word(&reader->conf, group, "type", types, &type);
	port->type = (enum gateway_port_type)type;
	read_emergency_queue(reader, group, port);
	read_promiscuous(reader, group, port);
	read_mtu(reader, group, port);
	gateway_read_xdp(reader, group, port);
}

void gateway_read_ports(struct gateway_reader *reader, config_setting_t *root, bool need_ports)
{
	struct conf_list list;
	int got = conf_groups(&reader->conf, root, "ports", GATEWAY_MAX_PORTS, &list);

	if (need_ports && got >= 0 && list.n == 0)
		conf_error(&reader->conf, list.setting,
			   "ports = ( { name = \"in0\"; device = \"...\"; } );",
			   "there is no port");
	for (unsigned i = 0; i < list.n; i++) {
		read_port(reader, conf_list_get(&list, i), i);
		reader->gateway->n_ports++;
	}
	reader->conf.what[0] = '\0';
}

static void read_address(struct gateway_reader *reader, config_setting_t *group,
			 struct gateway_listener *listener)
{
	const char *text = "any";

	conf_string(&reader->conf, group, "address", &text);
	if (strcmp(text, "any") == 0)
		return;
	listener->family = (uint8_t)address_parse(text, listener->address);
	if (listener->family == 0)
		conf_error(&reader->conf, config_setting_get_member(group, "address"),
			   "an IPv4 or IPv6 address, or \"any\"", "\"%.80s\" is no address", text);
}

static const struct tunnel_word {
	const char *word;
	uint8_t tunnel; // enum weir_tunnel
	uint16_t port;  // UDP port that it takes; 0: none
} tunnel_words[] = {
	{ "ipip", WEIR_TUNNEL_IPIP, 0 },
	{ "gue", WEIR_TUNNEL_GUE, 6080 },
	{ "vxlan", WEIR_TUNNEL_VXLAN, 4789 },
};
enum { N_TUNNEL_WORDS = sizeof(tunnel_words) / sizeof(tunnel_words[0]) };

static const struct tunnel_word *tunnel_find(const char *word)
{
	for (unsigned i = 0; i < N_TUNNEL_WORDS; i++)
		if (strcmp(word, tunnel_words[i].word) == 0)
			return &tunnel_words[i];
	return NULL;
}

static const struct tunnel_word *tunnel_at(uint16_t port)
{
	for (unsigned i = 0; i < N_TUNNEL_WORDS; i++)
		if (port != 0 && tunnel_words[i].port == port)
			return &tunnel_words[i];
	return NULL;
}

// The tunnels that end at the listener.
static void read_decap(struct gateway_reader *reader, config_setting_t *group, struct gateway_listener *listener)
{
	struct conf_list list;

	if (conf_list(&reader->conf, group, "decap", &list) <= 0)
		return;
	if (list.n == 0)
		conf_error(&reader->conf, list.setting, "leave it out for no tunnels", "decap is empty");
	for (unsigned i = 0; i < list.n; i++) {
		config_setting_t *element = conf_list_get(&list, i);
		const char *word = conf_element(&reader->conf, element, "decap");
		const struct tunnel_word *found = word ? tunnel_find(word) : NULL;

		if (found)
			listener->tunnels |= found->tunnel;
		else if (word)
			conf_error(&reader->conf, element, "\"ipip\", \"gue\" or \"vxlan\"",
				   "there is no tunnel \"%.80s\"", word);
	}
}

// What a listener takes for itself no tunnel can have.
static void check_tunnel_port(struct gateway_reader *reader, const struct conf_list *list)
{
	const struct gateway *gateway = reader->gateway;
	unsigned tunnels = 0;

	for (unsigned i = 0; i < gateway->n_listeners; i++)
		tunnels |= gateway->listeners[i].tunnels;
	for (unsigned i = 0; i < gateway->n_listeners; i++) {
		const struct tunnel_word *word = tunnel_at(gateway->listeners[i].port);

		if (word && (tunnels & word->tunnel))
			conf_error(&reader->conf, conf_list_get(list, i), "another port, or no such tunnel in decap",
				   "listener number %u has the port of %s, %u", i + 1, word->word, word->port);
	}
}

static bool is_same(const struct gateway_listener *a, const struct gateway_listener *b)
{
	return a->port == b->port && a->family == b->family &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static void check_repeat(struct gateway_reader *reader, const config_setting_t *group, unsigned i)
{
	const struct gateway_listener *listeners = reader->gateway->listeners;

	for (unsigned other = 0; listeners[i].port != 0 && other < i; other++)
		if (is_same(&listeners[i], &listeners[other]))
			conf_error(&reader->conf, group, "leave one out",
				   "the listener of line %u has its address and port",
				   listeners[other].line);
}

static void read_listener(struct gateway_reader *reader, config_setting_t *group, unsigned i)
{
	struct gateway_listener *listener = &reader->gateway->listeners[i];
	int protocol = WEIR_NATIVE;
	int64_t port = 0;
	uint32_t file;

	*listener = (struct gateway_listener){ 0 };
	snprintf(reader->conf.what, sizeof(reader->conf.what), "listener number %u", i + 1);
	conf_place(&reader->conf, group, &file, &listener->line);
	if (!conf_group(&reader->conf, group, listener_keys))
		return;
	read_address(reader, group, listener);
	if (conf_int(&reader->conf, group, "port", (struct conf_range){ 1, UINT16_MAX }, &port) ==
	    0)
		conf_error(&reader->conf, group, NULL, "it has no port");
	listener->port = (uint16_t)port;
	if (conf_word(&reader->conf, group, "protocol", protocols, &protocol) == 0)
		conf_error(&reader->conf, group, "protocol = \"native\", \"sip\" or \"coap\"",
			   "it has no protocol");
	listener->protocol = (uint8_t)protocol;
	read_decap(reader, group, listener);
	check_repeat(reader, group, i);
}

void gateway_read_listeners(struct gateway_reader *reader, config_setting_t *root)
{
	struct conf_list list;
	int got = conf_groups(&reader->conf, root, "listeners", GATEWAY_MAX_LISTENERS, &list);

	if (got > 0 && list.n == 0)
		conf_error(&reader->conf, list.setting, "leave it out for the default ones",
			   "there is no listener");
	for (unsigned i = 0; i < list.n; i++)
		read_listener(reader, conf_list_get(&list, i), i);
	reader->conf.what[0] = '\0';
	if (list.n == 0)
		return;
	reader->gateway->n_listeners = (uint16_t)list.n;
	check_tunnel_port(reader, &list);
}
