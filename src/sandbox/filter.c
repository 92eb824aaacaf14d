/* filter.c - the system calls that a program in a box is refused. */
#include "sandbox/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/process.h"

enum { FILTER_BYTES = 32 << 10, TIOCLINUX_ = 0x541C };

static struct {
	char bytes[FILTER_BYTES];
	size_t n; /* 0: it could not be made */
} filter;

static const int denied[] = {
#define DENY(name) SCMP_SYS(name),
#include "sandbox/filter.def"
#undef DENY
};

static bool filter_deny(scmp_filter_ctx f, int call)
{
	int rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), call, 0);
	return rc == 0 || rc == -EINVAL || rc == -EDOM; /* a call that this processor does not have */
}

/* New namespaces by clone(2): its flags are masked one by one. clone3(2) keeps them in memory, where a filter cannot
 * look; with ENOSYS the C library falls back to clone. */
static bool filter_deny_namespaces(scmp_filter_ctx f)
{
	static const uint64_t flags[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,   CLONE_NEWNET,
					 CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i])))
			return false;
	return seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

/* AF_UNIX, INET, INET6 and NETLINK stay, the last for the table of addresses alone. */
static bool filter_deny_sockets(scmp_filter_ctx f)
{
	int rc =
	    seccomp_rule_add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, AF_NETLINK));
	for (unsigned family = 0; !rc && family < AF_NETLINK; family++)
		if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
			rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
					      SCMP_A0(SCMP_CMP_EQ, family));
	if (!rc)
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 2,
				      SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_NE, NETLINK_ROUTE));
	return rc == 0;
}

/* Letters pushed into a terminal that is shared with somebody outside. */
static bool filter_deny_terminals(scmp_filter_ctx f)
{
	static const uint64_t requests[] = {TIOCSTI, TIOCLINUX_};
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
		if (seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, requests[i])))
			return false;
	return true;
}

static void filter_make(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int fd = memfd_create("filter", MFD_CLOEXEC);
	bool ok = f && fd >= 0;
	for (size_t i = 0; ok && i < sizeof denied / sizeof *denied; i++)
		ok = filter_deny(f, denied[i]);
	ok = ok && filter_deny_namespaces(f) && filter_deny_sockets(f) && filter_deny_terminals(f) &&
	     seccomp_export_bpf(f, fd) == 0;
	ssize_t n = ok ? pread(fd, filter.bytes, sizeof filter.bytes, 0) : 0;
	filter.n = n > 0 && n < FILTER_BYTES ? (size_t)n : 0;
	if (fd >= 0)
		close(fd);
	seccomp_release(f);
}

int filter_open(struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, filter_make);
	int fd = filter.n ? process_memory((struct str){filter.bytes, filter.n}) : -1;
	if (fd < 0)
		fail(e, ERR_CONFIG, NULL, "the filter of system calls cannot be made (libseccomp)");
	return fd;
}
