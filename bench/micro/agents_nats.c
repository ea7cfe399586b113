// SPDX-License-Identifier: BSD-3-Clause
//
// agents_nats URL SECONDS BYTES WINDOW: messages a second that a JetStream stream with file storage acknowledges,
// published from one connection with at most WINDOW under way (0: one by one). Prints `messages N seconds S`.
#include <nats/nats.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SUBJECT "weir.bench.desk"

static void check(natsStatus status, const char *what)
{
	if (status == NATS_OK)
		return;
	fprintf(stderr, "agents_nats: %s: %s\n", what, natsStatus_GetText(status));
	exit(3);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void refused(jsCtx *js, jsPubAckErr *error, void *argument)
{
	(void)js;
	(void)argument;
	fprintf(stderr, "agents_nats: publish: %s\n", error->ErrText ? error->ErrText : natsStatus_GetText(error->Err));
	exit(3);
}

static void add_stream(jsCtx *js)
{
	static const char *subjects[] = { SUBJECT };
	jsStreamConfig config;

	jsStreamConfig_Init(&config);
	config.Name = "BENCH";
	config.Subjects = subjects;
	config.SubjectsLen = 1;
	config.Storage = js_FileStorage;
	check(js_AddStream(NULL, js, &config, NULL, NULL), "stream");
}

int main(int argc, char **argv)
{
	natsConnection *connection;
	jsOptions options;
	jsCtx *js;
	unsigned long bytes;
	uint64_t number = 0;
	double began, seconds;
	char *data;

	if (argc != 5) {
		fputs("usage: agents_nats URL SECONDS BYTES WINDOW\n", stderr);
		return 2;
	}
	seconds = atof(argv[2]);
	bytes = strtoul(argv[3], NULL, 10);
	data = calloc(1, bytes);
	if (!data)
		return 3;
	jsOptions_Init(&options);
	options.PublishAsync.MaxPending = strtol(argv[4], NULL, 10);
	options.PublishAsync.StallWait = 10000;
	options.PublishAsync.ErrHandler = refused;
	check(natsConnection_ConnectTo(&connection, argv[1]), argv[1]);
	check(natsConnection_JetStream(&js, connection, &options), "JetStream");
	add_stream(js);
	began = now();
	for (; now() - began < seconds; number++)
		if (options.PublishAsync.MaxPending)
			check(js_PublishAsync(js, SUBJECT, data, (int)bytes, NULL), "publish");
		else
			check(js_Publish(NULL, js, SUBJECT, data, (int)bytes, NULL, NULL), "publish");
	if (options.PublishAsync.MaxPending)
		check(js_PublishAsyncComplete(js, NULL), "acknowledgements");
	printf("messages %llu seconds %.6f\n", (unsigned long long)number, now() - began);
	jsCtx_Destroy(js);
	natsConnection_Destroy(connection);
	free(data);
	nats_Close();
	return 0;
}
