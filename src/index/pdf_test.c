/* pdf_test.c - the sandbox and what runs in it. Where it is not permitted, that is what is tested. */
#include "index/pdf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"

static bool run(const char *const *argv, struct str input, size_t max, struct buf *out, struct err *e)
{
	struct sandbox s = {.input = input, .seconds = 20, .memory = 1 << 30};
	for (int i = 0; argv[i]; i++)
		s.argv[i] = argv[i];
	buf_init(out, max);
	*e = (struct err){0};
	return sandbox_run(&s, out, e);
}

static bool available(void)
{
	struct buf out;
	struct err e;
	bool ok = run((const char *const[]){"/usr/bin/cat", NULL}, S("x"), 10, &out, &e);
	buf_release(&out);
	if (!ok)
		printf("# no sandbox here: %s\n", e.msg);
	CHECK(ok || e.code == ERR_CONFIG);
	return ok;
}

static void walls(void)
{
	struct buf out;
	struct err e;
	char secret[] = "/tmp/antiphon-secret-XXXXXX";
	int fd = mkstemp(secret);
	if (fd >= 0)
		close(fd);
	if (available()) {
		CHECK(run((const char *const[]){"/usr/bin/cat", NULL}, S("abc"), 10, &out, &e));
		CHECK_STR(buf_str(&out), S("abc"));
		buf_release(&out);
		static const char *const refused[][4] = {
		    {"/usr/bin/cat", "/etc/passwd"},                         /* no file of the system's settings */
		    {"/usr/bin/touch", "/usr/x"},                            /* nothing to write on */
		    {"/usr/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/1"}, /* no network */
		    {"/usr/bin/bash", "-c", "kill -0 2000"},                 /* no other process */
		};
		for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
			CHECK(!run(refused[i], S(""), 1000, &out, &e) && e.code == ERR_FILE_PARSE);
			buf_release(&out);
		}
		CHECK(!run((const char *const[]){"/usr/bin/cat", secret, NULL}, S(""), 10, &out, &e));
		buf_release(&out);
		CHECK(run((const char *const[]){"/usr/bin/env", NULL}, S(""), 1000, &out,
			  &e)); /* no secrets of the environment */
		CHECK(out.n < 100);
		buf_release(&out);
	}
	unlink(secret);
}

static void bounds(void)
{
	struct buf out;
	struct err e = {0};
	_Atomic bool stop = true;
	if (!available())
		return;
	CHECK(run((const char *const[]){"/usr/bin/yes", NULL}, S(""), 100000, &out, &e) && out.over && out.n <= 100000);
	buf_release(&out);
	struct sandbox slow = {.argv = {"/usr/bin/sleep", "60"}, .seconds = 1, .memory = 1 << 30};
	buf_init(&out, 10);
	CHECK(!sandbox_run(&slow, &out, &e) && e.code == ERR_REQUEST_TIMEOUT);
	slow.seconds = 60;
	slow.cancelled = &stop;
	e = (struct err){0};
	CHECK(!sandbox_run(&slow, &out, &e) && e.code == ERR_REQUEST_TIMEOUT);
	struct sandbox big = {.argv = {"/usr/bin/bash", "-c", "x=$(head -c 600000000 /dev/zero | tr '\\0' a)"},
			      .seconds = 20,
			      .memory = 100 << 20};
	e = (struct err){0};
	CHECK(!sandbox_run(&big, &out, &e) && e.code == ERR_FILE_PARSE);
	struct sandbox none = {.argv = {"/usr/bin/no-such-program"}, .seconds = 1, .memory = 1 << 20};
	e = (struct err){0};
	CHECK(!sandbox_run(&none, &out, &e) && e.code == ERR_CONFIG && strstr(e.msg, "not installed"));
	buf_release(&out);
}

#define PAGE                                                                                                           \
	"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<</Font<</F 5 0 "              \
	"R>>>>>>endobj\n"
static const char document[] =
    "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R 3 0 R]/Count "
    "2>>endobj\n" PAGE "4 0 obj<</Length 44>>stream\nBT /F 24 Tf 20 40 Td (Hello antiphon) Tj ET\nendstream endobj\n"
    "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";

static void pages(void)
{
	struct arena a = {0};
	struct err e = {0};
	struct pdf p = {.bytes = {document, sizeof document - 1}, .pages = 2, .seconds = 20, .memory = 1 << 30};
	struct str text, png;
	bool cut;
	int64_t n;
	if (!available() || access("/usr/bin/pdftotext", X_OK))
		return;
	CHECK(pdf_text(&a, &p, 10000, &text, &cut, &n, &e) && n == 2 && !cut);
	CHECK(strstr(text.p, "Hello antiphon") != NULL);
	CHECK(pdf_page(&a, &p, 2, 300, &png, &e) && str_starts(png, S("\x89PNG")));
	p.pages = 1;
	CHECK(!pdf_text(&a, &p, 10000, &text, &cut, &n, &e) && e.code == ERR_FILE_TOO_LARGE);
	e = (struct err){0};
	p.bytes = S("%PDF-1.4\nnothing of the kind");
	CHECK(!pdf_text(&a, &p, 10000, &text, &cut, &n, &e) && e.code == ERR_FILE_PARSE);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case cases[] = {{"walls", walls}, {"bounds", bounds}, {"pages", pages}};
	return test_main(cases, sizeof cases / sizeof *cases);
}
