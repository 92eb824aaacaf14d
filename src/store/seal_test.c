/* seal_test.c - sealed texts, their keys, and the master secret that wraps those. */
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/rig_sql.h"
#include "store/seal.h"

#define MASTER "0123456789abcdef0123456789abcdef"
static const struct str reasoning = STR("reasoning");

static bool begin(struct rig *r, const char *secret, struct err *e)
{
	rig_open(r);
	*e = (struct err){0};
	return seal_start(r->store, &(struct seal_options){.secret = str_of(secret)}, e);
}

static void again(struct rig *r)
{
	struct err e;
	rig_shut(r);
	CHECK(begin(r, MASTER, &e));
}

static bool opens(struct rig *r, struct arena *a, struct str sealed, struct str want)
{
	struct err e = {0};
	struct str got;
	return seal_open(r->store, 1, reasoning, sealed, a, &got, &e) && str_eq(got, want);
}

/* Refused, as a client is to see it, and for this reason. */
static bool refused(struct rig *r, struct arena *a, int64_t project, struct str type, struct str sealed,
		    const char *why)
{
	struct err e = {0};
	struct str got;
	return !seal_open(r->store, project, type, sealed, a, &got, &e) && e.code == ERR_ENCRYPTED_CONTENT &&
	       strstr(e.msg, "The encrypted content ") && strstr(e.msg, why);
}

static void round_trip(void)
{
	struct rig r = {0};
	struct err e;
	struct arena a = {0};
	static char big[100000];
	CHECK(begin(&r, MASTER, &e));
	memset(big, 'x', sizeof big);
	const struct str plains[] = {S(""), S("a"), S("ab"), S("a\0b"), S("caf\xc3\xa9"), {big, sizeof big}};
	for (size_t i = 0; i < sizeof plains / sizeof *plains; i++) {
		struct str one = seal_text(r.store, 1, reasoning, plains[i], &a);
		struct str two = seal_text(r.store, 1, reasoning, plains[i], &a);
		CHECK(!str_eq(one, two));
		CHECK(opens(&r, &a, one, plains[i]) && opens(&r, &a, two, plains[i]));
		for (size_t k = 0; k < one.n; k++)
			CHECK(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", one.p[k]));
	}
	struct str sealed = seal_text(r.store, 1, reasoning, S("the thoughts of the model"), &a);
	CHECK(!memmem(sealed.p, sealed.n, "thoughts", 8));
	again(&r);
	CHECK(opens(&r, &a, sealed, S("the thoughts of the model")));
	arena_free(&a);
	rig_end_all(&r);
}

/* Every bit of what is inside, every character of what is outside. */
static void changed(void)
{
	enum { VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING };
	struct rig r = {0};
	struct err e;
	struct arena a = {0};
	uint8_t raw[256];
	char text[400];
	size_t n = 0, opened = 0;
	CHECK(begin(&r, MASTER, &e));
	for (size_t size = 10; size < 13; size++) { /* one of each length of the last group */
		struct str sealed = seal_text(r.store, 1, reasoning, (struct str){"thoughts of mine", size}, &a);
		CHECK(!sodium_base642bin(raw, sizeof raw, sealed.p, sealed.n, NULL, &n, NULL, VARIANT));
		for (size_t bit = 0; bit < n * 8; bit++) {
			raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
			sodium_bin2base64(text, sizeof text, raw, n, VARIANT);
			opened += !refused(&r, &a, 1, reasoning, str_of(text), "Reason: ");
			raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t cut = 0; cut < sealed.n; cut++)
			opened += !refused(&r, &a, 1, reasoning, (struct str){sealed.p, cut}, "Reason: ");
		for (size_t i = 0; i < sealed.n; i++)
			for (int c = 1; c < 256; c++) {
				memcpy(text, sealed.p, sealed.n);
				text[i] = (char)c;
				if (text[i] != sealed.p[i])
					opened +=
					    !refused(&r, &a, 1, reasoning, (struct str){text, sealed.n}, "Reason: ");
			}
		memcpy(text, sealed.p, sealed.n);
		for (const char *p = "=A \n"; *p; p++) {
			text[sealed.n] = *p;
			CHECK(refused(&r, &a, 1, reasoning, (struct str){text, sealed.n + 1}, "Reason: "));
		}
		CHECK(opened == 0 && opens(&r, &a, sealed, (struct str){"thoughts of mine", size}));
	}
	CHECK(refused(&r, &a, 1, reasoning, S(""), "content ... could not"));
	CHECK(refused(&r, &a, 1, reasoning, S("gAAAAABo5kfxLc0mW1zaQQ=="),
		      "gAAA...QQ== could not be verified. Reason: It was not"));
	CHECK(refused(&r, &a, 1, reasoning,
		      S("gAAAAABo5kfxLc0mW1zaAAAAABo5kfxLc0mW1zaAAAAABo5kfxLc0mW1zaAAAAABo5kfxLc0mW1z"),
		      "It was not made"));
	arena_free(&a);
	rig_end_all(&r);
}

static void bound(void)
{
	struct rig r = {0}, other = {0};
	struct err e;
	struct arena a = {0};
	CHECK(begin(&r, MASTER, &e));
	struct str sealed = seal_text(r.store, 1, reasoning, S("mine"), &a);
	CHECK(refused(&r, &a, 2, reasoning, sealed, "another project"));
	CHECK(refused(&r, &a, 1LL << 32 | 1, reasoning, sealed, "another project"));
	CHECK(refused(&r, &a, 1, S("compaction"), sealed, "could not be verified"));
	CHECK(refused(&r, &a, 1, S("reasonin"), sealed, "could not be verified"));
	CHECK(refused(&r, &a, 1, S("seasoning"), sealed, "could not be verified"));
	/* Another store has other keys, also under the same master secret. */
	CHECK(begin(&other, MASTER, &e));
	CHECK(refused(&other, &a, 1, reasoning, sealed, "could not be verified"));
	CHECK(opens(&r, &a, sealed, S("mine")));
	arena_free(&a);
	rig_end_all(&r);
	rig_end_all(&other);
}

static void rotation(void)
{
	struct rig r = {0};
	struct err e;
	struct arena a = {0};
	CHECK(begin(&r, MASTER, &e));
	struct str first = seal_text(r.store, 1, reasoning, S("one"), &a);
	CHECK(seal_rotate(r.store, &e));
	struct str second = seal_text(r.store, 1, reasoning, S("two"), &a);
	CHECK(strncmp(first.p, "AQAAAA", 6) == 0 && strncmp(second.p, "AQAAAA", 6) == 0 && first.p[6] != second.p[6]);
	CHECK(opens(&r, &a, first, S("one")) && opens(&r, &a, second, S("two")));
	again(&r);
	CHECK(opens(&r, &a, first, S("one")) && opens(&r, &a, second, S("two")));
	CHECK(rig_number(&r, "SELECT count(*) FROM seal_key") == 2);
	/* By age, at a start. */
	rig_shut(&r);
	clock_fake(clock_wall_us() + store_limits.seal_days * 86400 * 1000000LL + 2000000);
	CHECK(begin(&r, MASTER, &e));
	CHECK(rig_number(&r, "SELECT count(*) FROM seal_key") == 3);
	CHECK(opens(&r, &a, first, S("one")) && opens(&r, &a, second, S("two")));
	again(&r);
	CHECK(rig_number(&r, "SELECT count(*) FROM seal_key") == 3);
	clock_fake(0);
	/* A key that went: what it sealed does not open, the others do. */
	rig_shut(&r);
	rig_exec(r.dir, "DELETE FROM seal_key WHERE id = 1");
	CHECK(begin(&r, MASTER, &e));
	CHECK(refused(&r, &a, 1, reasoning, first, "does not have") && opens(&r, &a, second, S("two")));
	arena_free(&a);
	rig_end_all(&r);
}

static void wrong_master(void)
{
	bool postgres = rig_on_postgres();
	const char *const harm[] = {
	    postgres ? "UPDATE seal_key SET wrapped = sha512(wrapped) || '12345678' WHERE id = 1"
		     : "UPDATE seal_key SET wrapped = randomblob(72) WHERE id = 1",
	    postgres ? "UPDATE seal_key SET wrapped = '0'" : "UPDATE seal_key SET wrapped = x'00'",
	    "UPDATE seal_key SET id = id + 5", /* a row under another id */
	};
	struct rig r = {0};
	struct err e;
	CHECK(!begin(&r, "too short", &e) && e.code == ERR_CONFIG && strstr(e.msg, "fewer than 32"));
	CHECK(rig_number(&r, "SELECT count(*) FROM seal_key") == 0);
	rig_shut(&r);
	CHECK(begin(&r, MASTER, &e));
	rig_shut(&r);
	CHECK(!begin(&r, MASTER "x", &e) && e.code == ERR_CONFIG && strstr(e.msg, "ANTIPHON_MASTER_SECRET"));
	CHECK(strstr(e.msg, "master secret") && strstr(e.msg, "DELETE FROM seal_key"));
	rig_shut(&r);
	CHECK(begin(&r, "  " MASTER "\n", &e)); /* blanks around it are nobody's secret */
	for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
		rig_shut(&r);
		rig_exec(r.dir, harm[i]);
		CHECK(!begin(&r, MASTER, &e) && e.code == ERR_CONFIG && strstr(e.msg, "master secret"));
		rig_shut(&r);
		rig_exec(r.dir, "DELETE FROM seal_key");
		CHECK(begin(&r, MASTER, &e));
	}
	rig_end_all(&r);
}

static bool begin_file(struct rig *r, const char *path, bool make, struct err *e)
{
	if (r->store)
		rig_shut(r);
	rig_open(r);
	*e = (struct err){0};
	return seal_start(r->store, &(struct seal_options){.file = str_of(path), .make = make}, e);
}

static void put_file(const char *path, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK(write(fd, bytes, n) == (ssize_t)n);
	close(fd);
}

static void secret_file(void)
{
	struct rig r = {0};
	struct err e;
	struct arena a = {0};
	struct stat st;
	char path[128], kept[128], text[80] = "";
	static char big[5000];
	rig_open(&r);
	snprintf(path, sizeof path, "%s/master.key", r.dir);
	snprintf(kept, sizeof kept, "%s/kept.key", r.dir);
	/* One that the operator names is not made up. */
	CHECK(!begin_file(&r, path, false, &e) && e.code == ERR_CONFIG && strstr(e.msg, path) && access(path, F_OK));
	CHECK(begin_file(&r, path, true, &e));
	CHECK(!stat(path, &st) && (st.st_mode & 0777) == 0600 && st.st_size == 65);
	int fd = open(path, O_RDONLY);
	CHECK(read(fd, text, sizeof text) == 65 && strspn(text, "0123456789abcdef") == 64);
	close(fd);
	struct str sealed = seal_text(r.store, 1, reasoning, S("kept"), &a);
	CHECK(begin_file(&r, path, true, &e) && opens(&r, &a, sealed, S("kept")));
	CHECK(begin_file(&r, path, false, &e) && opens(&r, &a, sealed, S("kept")));
	/* The same secret by the other way. */
	rig_shut(&r);
	CHECK(begin(&r, text, &e) && opens(&r, &a, sealed, S("kept")));
	/* Gone: no new one is made in silence. */
	CHECK(!rename(path, kept));
	CHECK(!begin_file(&r, path, true, &e) && e.code == ERR_CONFIG && strstr(e.msg, "missing") &&
	      access(path, F_OK));
	CHECK(!rename(kept, path));
	CHECK(begin_file(&r, path, true, &e) && opens(&r, &a, sealed, S("kept")));
	memset(big, 'k', sizeof big);
	put_file(path, big, sizeof big);
	CHECK(!begin_file(&r, path, true, &e) && strstr(e.msg, "more than"));
	put_file(path, "", 0);
	CHECK(!begin_file(&r, path, true, &e) && strstr(e.msg, "fewer than"));
	put_file(path, "another secret, long enough to be one", 37);
	CHECK(!begin_file(&r, path, true, &e) && strstr(e.msg, path) && strstr(e.msg, "not the one"));
	CHECK(!begin_file(&r, "/proc/none/master.key", true, &e) && strstr(e.msg, "missing"));
	arena_free(&a);
	rig_end_all(&r);
}

enum { THREADS = 4, ROUNDS = 300 };

static void *worker(void *arg)
{
	struct rig *r = arg;
	struct arena a = {0};
	int good = 0;
	for (int i = 0; i < ROUNDS; i++) {
		struct str sealed = seal_text(r->store, 1, reasoning, S("many at once"), &a);
		good += opens(r, &a, sealed, S("many at once"));
		arena_reset(&a);
	}
	arena_free(&a);
	return good == ROUNDS ? r : NULL;
}

static void threads(void)
{
	struct rig r = {0};
	struct err e;
	pthread_t t[THREADS];
	CHECK(begin(&r, MASTER, &e));
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, worker, &r);
	for (int i = 0; i < 5; i++)
		CHECK(seal_rotate(r.store, &e));
	for (int i = 0; i < THREADS; i++) {
		void *fine;
		pthread_join(t[i], &fine);
		CHECK(fine != NULL);
	}
	CHECK(rig_number(&r, "SELECT count(*) FROM seal_key") == 6);
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case t[] = {
	    {"sealed and opened", round_trip},
	    {"any change is seen", changed},
	    {"bound to project, type and store", bound},
	    {"newer keys seal, older ones open", rotation},
	    {"a wrong master secret", wrong_master},
	    {"the master secret's file", secret_file},
	    {"many threads", threads},
	};
	return test_main(t, sizeof t / sizeof *t);
}
