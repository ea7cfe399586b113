// SPDX-License-Identifier: BSD-3-Clause
//
// Room on the disk that is written before it is needed. A sync of a file that has grown, or of blocks that were only
// reserved, waits for the file system's journal, and with it for whatever others write there; a sync of blocks that
// were written before does not (decision 33). When the spool is opened for writing; holds LMDB's writer lock meanwhile.
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "controlplane/spool_parts.h"

enum { CHUNK = 1 << 20, SHARE = 32 };

// One part in SHARE of what the spool may hold, and of what the disk has left.
static off_t wanted(const struct spool *spool)
{
	off_t want = ((off_t)spool->size_mb << 20) / SHARE, room;
	struct statvfs disk;

	if (statvfs(spool->folder, &disk) != 0)
		return 0;
	room = (off_t)disk.f_bavail * (off_t)disk.f_frsize / SHARE;
	return want < room ? want : room;
}

// Writes zeros behind the end of the file, where LMDB has nothing yet. What could not be written is taken back.
static void fill(int fd, off_t end, off_t want)
{
	void *zeros = calloc(1, CHUNK);
	off_t at = end;

	while (zeros && at < want) {
		ssize_t n = pwrite(fd, zeros, (size_t)(want - at < CHUNK ? want - at : CHUNK), at);

		if (n <= 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += n;
	}
	if (at < want || fdatasync(fd) != 0)
		(void)!ftruncate(fd, end);
	free(zeros);
}

void spool_room_make(struct spool *spool)
{
	off_t want = wanted(spool);
	struct stat file;
	MDB_txn *txn;
	int fd;

	if (mdb_txn_begin(spool->env, NULL, 0, &txn) != 0) // nobody else writes to the file now
		return;
	if (mdb_env_get_fd(spool->env, &fd) == 0 && fstat(fd, &file) == 0 && file.st_size < want)
		fill(fd, file.st_size, want);
	mdb_txn_abort(txn);
}
