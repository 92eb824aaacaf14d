/* session_rig.c - what tests of sessions share. */
#include "session/session_rig.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "session/limits.h"
#include "session/share.h"
#include "session/table.h"

struct sessions *rig_sessions;
char rig_top[] = "/tmp/antiphon-session-XXXXXX";

bool session_rig_open(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "user") == 0 && geteuid() == 0 &&
	    (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
		return false;
	session_limits.preload = argc < 2 || strcmp(argv[1], "plain") != 0;
	if (!mkdtemp(rig_top))
		return false;
	rig_sessions = sessions_open(&(struct session_options){str_of(getenv("ANTIPHON_PACKAGES"))});
	return true;
}

bool rig_close(void)
{
	struct err e = {0};
	sessions_close(rig_sessions);
	return share_erase(rig_top, &e) && access(rig_top, F_OK) != 0;
}

bool rig_permitted(void)
{
	struct err e = {0};
	bool ok = session_refuse(rig_sessions, &e);
	if (!ok)
		printf("# no sessions here: %s\n", e.msg);
	if (!ok && !(*e.msg && e.code == ERR_CONFIG))
		printf("# and no reason\n");
	return ok;
}

void rig_warm(void)
{
	struct said s;
	int64_t until = clock_mono_us() + 60000000;
	rig_run(&s, 1000000, "1", 0, NULL);
	buf_release(&s.text);
	struct zygote *z;
	while (session_limits.preload && !((z = atomic_load(&rig_sessions->kind.zygote)) && atomic_load(&z->ready)) &&
	       clock_mono_us() < until)
		poll(NULL, 0, 10);
	session_end(rig_sessions, 1000000);
}

static void rig_hear(void *ctx, enum session_kind kind, struct str bytes)
{
	struct said *s = ctx;
	static const char *const names[] = {"p:", "v:", "i:"};
	buf_add(&s->text, str_of(names[kind]));
	if (kind == SESSION_IMAGE)
		buf_add(&s->text, str_starts(bytes, S("\x89PNG")) ? S("PNG") : S("?"));
	else
		buf_add(&s->text, bytes);
	buf_byte(&s->text, '|');
}

struct str rig_run(struct said *s, int64_t key, const char *code, int64_t ms, const _Atomic bool *stop)
{
	struct session_ears ears = {rig_hear, s};
	*s = (struct said){0};
	buf_init(&s->text, 8 << 20);
	snprintf(s->folder, sizeof s->folder, "%s/%lld", rig_top, (long long)key);
	share_make(s->folder, &s->e);
	s->where = (struct session_where){.key = key, .folder = s->folder};
	s->ok = session_python(rig_sessions, &s->where, str_of(code), ms ? ms : 30000, stop, &ears, &s->r, &s->e);
	if (!s->ok)
		printf("# %s\n", s->e.msg);
	return buf_str(&s->text);
}

bool rig_expects(int64_t key, const char *code, const char *said, enum session_end end)
{
	struct said s;
	struct str got = rig_run(&s, key, code, 0, NULL);
	bool ok = s.ok && s.r.end == end && (!said || str_eq(got, str_of(said)));
	if (!ok)
		printf("# %s\n#   put out %.*s\n#   not     %s\n#   ended as %d: %s\n", code, FMT(got),
		       said ? said : "?", (int)s.r.end, s.r.why);
	buf_release(&s.text);
	return ok;
}
