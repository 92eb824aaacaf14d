/* order.c - orders to whoever starts programs in boxes. */
#include "session/order.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "session/agent.h"

/* An order never waits: an agent that has stopped reading is no agent any more. */
static bool order_send(struct order_line *l, struct str packet, const int *files, int n)
{
	union {
		char room[CMSG_SPACE(AGENT_FILES * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec io = {(char *)(uintptr_t)packet.p, packet.n};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
	if (n) {
		m.msg_control = control.room;
		m.msg_controllen = CMSG_SPACE((size_t)n * sizeof *files);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)n * sizeof *files);
		memcpy(CMSG_DATA(c), files, (size_t)n * sizeof *files);
	}
	return sendmsg(l->socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
}

static uint32_t order_add_strings(struct buf *packet, const char *const *z)
{
	uint32_t n = 0;
	for (; z[n]; n++)
		buf_add(packet, (struct str){z[n], strlen(z[n]) + 1});
	return n;
}

bool order_start(struct order_line *l, const char *const *argv, const char *const *env, const int *files, int n,
		 struct order_program *ret)
{
	struct agent_order o = {.verb = AGENT_START, .id = atomic_fetch_add(&l->next_id, 1)};
	int given[AGENT_FILES], status[2];
	struct buf packet;
	if (n > ORDER_FILES || pipe2(status, O_CLOEXEC))
		return false;
	memcpy(given, files, (size_t)n * sizeof *files);
	given[n] = status[1];
	buf_init(&packet, AGENT_PACKET - 1);
	buf_add(&packet, (struct str){(const char *)&o, sizeof o});
	o.argc = order_add_strings(&packet, argv);
	o.envc = order_add_strings(&packet, env);
	memcpy(packet.p, &o, sizeof o);
	bool ok = !packet.over && o.argc + o.envc <= AGENT_STRINGS && order_send(l, buf_str(&packet), given, n + 1);
	buf_release(&packet);
	close(status[1]);
	if (!ok)
		close(status[0]);
	*ret = (struct order_program){.line = l, .id = o.id, .status = ok ? status[0] : -1};
	return ok;
}

void order_signal(const struct order_program *p, int signal)
{
	struct agent_order o = {.verb = AGENT_SIGNAL, .id = p->id, .signal = (uint32_t)signal};
	order_send(p->line, (struct str){(const char *)&o, sizeof o}, NULL, 0);
}

int order_ended(const struct order_program *p, int *status)
{
	struct pollfd on = {.fd = p->status, .events = POLLIN};
	agent_status said;
	if (poll(&on, 1, 0) <= 0)
		return 1;
	if (read(p->status, &said, sizeof said) != sizeof said)
		return -1;
	*status = said;
	return 0;
}

bool order_greeting(struct order_line *l, int *files, int n, int *pid)
{
	char word[sizeof AGENT_READY];
	union {
		char room[CMSG_SPACE(AGENT_FILES * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	struct iovec io = {word, sizeof word};
	struct msghdr m = {
	    .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
	ssize_t got = recvmsg(l->socket, &m, MSG_CMSG_CLOEXEC);
	int came = 0;
	for (struct cmsghdr *c = got > 0 ? CMSG_FIRSTHDR(&m) : NULL; c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN((size_t)n * sizeof *files)) {
			memcpy(files, CMSG_DATA(c), (size_t)n * sizeof *files);
			came = n;
		}
		if (c->cmsg_type == SCM_CREDENTIALS && pid) {
			struct ucred who;
			memcpy(&who, CMSG_DATA(c), sizeof who);
			*pid = who.pid;
		}
	}
	return got == sizeof AGENT_READY - 1 && memcmp(word, AGENT_READY, (size_t)got) == 0 && came == n;
}
