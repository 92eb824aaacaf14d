/* interpreter.c - Python in a box. */
#include "session/interpreter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/process.h"
#include "session/agent.h"
#include "session/environment.h"
#include "session/limits.h"

enum { TICK_MS = 50, PIECE = 65536, WORDS = 200 };

bool interpreter_start(const struct interpreter_kind *k, struct box *b, struct interpreter *ret, struct err *e)
{
	static const char boot[] = "exec(compile(open(4,encoding='utf-8').read(),'<driver>','exec'));start(3)";
	const char *argv[] = {k->program, "-I", "-B", "-c", boot, NULL}, *env[ENVIRONMENT_MOST];
	char room[ENVIRONMENT_ROOM];
	enum { CONTROL, THEIRS, OUTPUT, WRITE, NONE, DRIVER, FDS };
	int fd[FDS] = {-1,
		       -1,
		       -1,
		       -1,
		       open("/dev/null", O_RDONLY | O_CLOEXEC),
		       process_memory((struct str){(const char *)driver_bytes, driver_bytes_n})};
	environment_make(*k->packages ? k->packages : NULL, b->env, env, room);
	bool ok = fd[NONE] >= 0 && fd[DRIVER] >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0 &&
		  pipe2(fd + OUTPUT, O_CLOEXEC) == 0;
	const int files[] = {fd[NONE], fd[WRITE], fd[WRITE], fd[THEIRS], fd[DRIVER]};
	*ret = (struct interpreter){0};
	ok = ok && (zygote_start(atomic_load(&k->zygote), b, env, files, 4, &ret->program) ||
		    order_start(&b->line, argv, env, files, 5, &ret->program));
	if (ok) {
		fcntl(fd[CONTROL], F_SETFL, O_NONBLOCK);
		fcntl(fd[OUTPUT], F_SETFL, O_NONBLOCK);
		ret->control = fd[CONTROL];
		ret->output = fd[OUTPUT];
		ret->box = b;
		box_hold(b);
		talk_init(&ret->talk);
	}
	for (int i = 0; i < FDS; i++)
		if (fd[i] >= 0 && (!ok || (i != CONTROL && i != OUTPUT)))
			close(fd[i]);
	return ok || fail(e, ERR_UNAVAILABLE, NULL, "Python could not be started in its box");
}

/* Reads what was said beside, to its end for now. false: the driver is gone. */
static bool interpreter_hear(struct interpreter *i)
{
	for (;;) {
		size_t n;
		char *room = talk_room(&i->talk, &n);
		if (!room)
			return !i->talk.bad;
		ssize_t got = read(i->control, room, n);
		if (got > 0)
			talk_control(&i->talk, (size_t)got);
		else if (got == 0)
			return false;
		else if (errno != EINTR)
			return errno == EAGAIN;
	}
}

static void interpreter_send(struct interpreter *i)
{
	ssize_t n = send(i->control, i->send.p, i->send.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0) {
		i->send.p += n;
		i->send.n -= (size_t)n;
	}
}

bool interpreter_turn(struct interpreter *i)
{
	char piece[PIECE];
	struct pollfd on[] = {{.fd = i->control, .events = (short)(i->send.n ? POLLIN | POLLOUT : POLLIN)},
			      {.fd = i->closed ? -1 : i->output, .events = POLLIN},
			      {.fd = i->program.status, .events = POLLIN}};
	if (poll(on, 3, TICK_MS) < 0)
		return true;
	if (on[0].revents & POLLOUT)
		interpreter_send(i);
	/* The pipe first, then all things, then the marks: a thing is said before its mark is written. */
	ssize_t n = i->closed ? 0 : read(i->output, piece, sizeof piece);
	bool there = interpreter_hear(i);
	if (n > 0)
		talk_output(&i->talk, (struct str){piece, (size_t)n});
	i->closed |= n == 0;
	if (i->talk.ended)
		return true;
	return !i->talk.bad && there && (n > 0 || !on[2].revents);
}

bool interpreter_ready(struct interpreter *i, const _Atomic bool *stop, struct err *e)
{
	int64_t until = clock_mono_us() + session_limits.start_ms * 1000;
	while (!i->talk.ready) {
		char said[160] = "";
		bool there = interpreter_turn(i), cancelled = stop && atomic_load(stop);
		if (i->talk.ready || (there && clock_mono_us() < until && !cancelled))
			continue;
		struct str words = str_trim(buf_str(&i->talk.printed));
		size_t from = words.n > WORDS ? words.n - WORDS : 0;
		if (atomic_load(&i->box->why) != BOX_LIVES)
			box_say_why(i->box, said);
		return fail(e, cancelled ? ERR_REQUEST_TIMEOUT : ERR_UNAVAILABLE, NULL,
			    "Python did not start in its box. %s %.*s", said, (int)(words.n - from), words.p + from);
	}
	return true;
}

void interpreter_forget(struct interpreter *i)
{
	if (!i->box)
		return;
	close(i->control);
	close(i->output);
	close(i->program.status);
	talk_release(&i->talk);
	box_drop(i->box);
	*i = (struct interpreter){0};
}
