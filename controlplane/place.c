// SPDX-License-Identifier: BSD-3-Clause
//
// Folders, instance lock and privileges, before any thread is there. Refuses a second instance,
// folders that cannot be written, and a user that does not exist.
#include "controlplane/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/log.h"

enum { REFUSED = 1, ENVIRONMENT = 3 };

static int say(const char *path, const char *what, const char *mend)
{
	log_error("%s: %s: %s", path, what, mend);
	return ENVIRONMENT;
}

// Whatever the umask is; a folder that was born with its parent's set-group-id bit keeps it.
static int set_mode(const char *folder, mode_t mode)
{
	struct stat st;

	if (stat(folder, &st) < 0 || chmod(folder, mode | (st.st_mode & S_ISGID)) < 0)
		return say(folder, strerror(errno), "its mode cannot be set");
	return 0;
}

// mkdir -p; the last folder is made with `mode`.
static int make_folders(const char *path, mode_t mode)
{
	char part[PLACE_PATH];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return say(part, strerror(errno), "make it, or choose another run_dir or state_dir");
		*slash = '/';
	}
	if (mkdir(part, mode) == 0)
		return set_mode(part, mode);
	if (errno != EEXIST)
		return say(part, strerror(errno), "make it, or choose another run_dir or state_dir");
	return 0;
}

static int check_writable(const char *path)
{
	if (access(path, R_OK | W_OK | X_OK) < 0)
		return say(path, strerror(errno), "let this user write there, or start as root");
	return 0;
}

static int name_paths(struct place *place, const struct gateway *gateway)
{
	char lock[PLACE_PATH];
	int err = gateway_run_path(gateway, "controlplane.lock", lock, sizeof(lock));

	if (!err)
		err = gateway_run_path(gateway, "dp.sock", place->socket, sizeof(place->socket));
	if (!err)
		err = gateway_run_path(gateway, "control.sock", place->control, sizeof(place->control));
	if (!err)
		err = gateway_state_path(gateway, "spool", place->spool, sizeof(place->spool));
	if (!err)
		err = gateway_state_path(gateway, "history", place->history, sizeof(place->history));
	if (!err)
		err = gateway_state_path(gateway, "pools.json", place->pools, sizeof(place->pools));
	if (!err)
		err = gateway_state_path(gateway, "switches.json", place->switches, sizeof(place->switches));
	if (!err)
		err = gateway_state_path(gateway, "steer.json", place->steer, sizeof(place->steer));
	if (!err)
		err = gateway_state_path(gateway, "agents.json", place->agents, sizeof(place->agents));
	if (!err)
		err = gateway_run_path(gateway, "agents.sock", place->api, sizeof(place->api));
	if (!err)
		err = gateway_state_path(gateway, "nats.key", place->nats_key, sizeof(place->nats_key));
	if (err) {
		log_error("%s: run_dir or state_dir: too long: choose shorter ones", gateway->file);
		return REFUSED;
	}
	memcpy(place->run, lock, sizeof(lock));
	*strrchr(place->run, '/') = '\0';
	memcpy(place->state, place->history, sizeof(place->state));
	*strrchr(place->state, '/') = '\0';
	return 0;
}

static int take_lock(struct place *place)
{
	char path[PLACE_PATH + 32], pid[16] = "";
	ssize_t n;

	snprintf(path, sizeof(path), "%s/controlplane.lock", place->run);
	place->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (place->lock < 0)
		return say(path, strerror(errno), "let this user write it, or remove it");
	if (flock(place->lock, LOCK_EX | LOCK_NB) == 0) {
		n = ftruncate(place->lock, 0) < 0 ? -1 : dprintf(place->lock, "%d\n", (int)getpid());
		return n < 0 ? say(path, strerror(errno), "free some space") : 0;
	}
	n = read(place->lock, pid, sizeof(pid) - 1);
	pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
	log_error("%s: another weir-controlplane (pid %s) runs this gateway: end it first", path, pid[0] ? pid : "?");
	return ENVIRONMENT;
}

// Gives what stands in a folder to the group, so that both daemons reach it.
static void give_entries(const char *folder, uid_t uid, gid_t gid)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, "..") != 0)
			(void)!fchownat(dirfd(dir), entry->d_name, uid, gid, AT_SYMLINK_NOFOLLOW);
	if (dir)
		closedir(dir);
}

static int become(const struct passwd *user)
{
	if (initgroups(user->pw_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0 ||
	    setuid(0) == 0)
		return say(user->pw_name, "cannot become this user", "check the account");
	log_info("running as %s", user->pw_name);
	return 0;
}

// Drops root's rights. The run folder is shared with the dataplane by group; the state is the user's own.
static int drop_privileges(const struct place *place, const struct gateway *gateway)
{
	struct passwd *user;

	if (geteuid() != 0 || !gateway->user)
		return 0;
	user = getpwnam(gateway->user);
	if (!user) {
		log_error("%s: user \"%s\" does not exist: make it, or change `user`", gateway->file, gateway->user);
		return REFUSED;
	}
	give_entries(place->run, (uid_t)-1, user->pw_gid);
	if (chmod(place->run, 02770) < 0)
		return say(place->run, strerror(errno), "its mode cannot be set");
	give_entries(place->spool, user->pw_uid, user->pw_gid);
	(void)!lchown(place->history, user->pw_uid, user->pw_gid);
	(void)!lchown(place->pools, user->pw_uid, user->pw_gid);
	(void)!lchown(place->switches, user->pw_uid, user->pw_gid);
	(void)!lchown(place->steer, user->pw_uid, user->pw_gid);
	(void)!lchown(place->agents, user->pw_uid, user->pw_gid);
	(void)!lchown(place->nats_key, user->pw_uid, user->pw_gid);
	if (lchown(place->state, user->pw_uid, user->pw_gid) < 0 || chmod(place->state, 02770) < 0)
		return say(place->state, strerror(errno), "it cannot be given to the user");
	return become(user);
}

int place_open(struct place *place, const struct gateway *gateway)
{
	int status;

	place->lock = -1;
	status = name_paths(place, gateway);
	if (!status)
		status = make_folders(place->run, 0770);
	if (!status)
		status = make_folders(place->state, 0770); // where the dataplane keeps its last table
	if (!status)
		status = make_folders(place->spool, 0750);
	if (!status)
		status = check_writable(place->run);
	if (!status)
		status = take_lock(place);
	if (!status)
		status = drop_privileges(place, gateway);
	if (!status)
		status = check_writable(place->run);
	if (!status)
		status = check_writable(place->state);
	if (!status)
		status = check_writable(place->spool);
	if (status)
		place_close(place);
	return status;
}

void place_close(struct place *place)
{
	if (place->lock >= 0)
		close(place->lock);
	place->lock = -1;
}
