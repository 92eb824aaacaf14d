/* pictures_test.c - what families of image engines take, and what their answers have to be. */
#include "engine/pictures.h"

#include "base/test.h"

#define DOT "iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAIAAAA2iEnWAAAAAElFTkSuQmCC" /* the head of a PNG of 2x3 */

static void knows_families(void)
{
	CHECK_STR(picture_family_of(S("auto"), S("api.openai.com"))->name, S("openai"));
	CHECK_STR(picture_family_of(S("auto"), S("127.0.0.1"))->name, S("generic"));
	CHECK_STR(picture_family_of((struct str){0}, S(""))->name, S("generic"));
	CHECK_STR(picture_family_of(S("sd.cpp"), S("api.openai.com"))->name, S("sd.cpp"));
	CHECK(!picture_family_of(S("comfy"), S("")));
}

static void takes_and_refuses_members(void)
{
	static const struct {
		const char *family, *name, *value;
		bool ok, goes;
	} rows[] = {
	    {"openai", "background", "transparent", true, true},
	    {"generic", "background", "transparent", false, false},
	    {"generic", "background", "opaque", true, false},
	    {"generic", "output_format", "png", true, false},
	    {"sd.cpp", "output_format", "jpeg", true, true},
	    {"sd.cpp", "output_format", "gif", false, false},
	    {"openai", "quality", "low", true, true},
	    {"openai", "quality", "auto", true, false},
	    {"sd.cpp", "quality", "low", true, false},
	    {"openai", "svg", "{}", false, false},
	    {"openai", "frame_count", "3", false, false},
	    {"openai", "style", "natural", false, false},
	    {"openai", "style", "vivid", true, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct picture_family *f = picture_family_of(str_of(rows[i].family), S(""));
		struct err e = {0};
		bool goes;
		CHECK(picture_member(f, str_of(rows[i].name), str_of(rows[i].value), rows[i].name, &goes, &e) ==
		      rows[i].ok);
		CHECK(!rows[i].ok || goes == rows[i].goes);
		CHECK_STR(str_of(e.param), str_of(rows[i].ok ? "" : rows[i].name));
	}
}

static void reads_answers(void)
{
	static const struct {
		const char *body, *format, *says; /* says NULL: taken */
	} rows[] = {
	    {"{\"data\":[{\"b64_json\":\"" DOT "\"}]}", "", NULL},
	    {"{\"data\":[{\"b64_json\":\"" DOT "\"}]}", "png", NULL},
	    {"{\"data\":[{\"b64_json\":\"" DOT "\"}]}", "webp", "The image engine made a picture in png, not in webp."},
	    {"{\"data\":[{\"b64_json\":\"" DOT "!\"}]}", "", "The image engine's answer is no picture."},
	    {"{\"data\":[{\"b64_json\":\"PHN2Zz4=\"}]}", "", "The image engine's answer is no picture."},
	    {"{\"data\":[{\"url\":\"http://x\"}]}", "", "The image engine's answer has no picture in it (b64_json)."},
	    {"{\"data\":[]}", "", "The image engine's answer has no pictures."},
	    {"{\"data\":3}", "", "The image engine's answer has no pictures."},
	    {"[", "", "The image engine's answer has no pictures."},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct err e = {0};
		struct picture_answer got;
		bool ok = picture_read(&a, str_of(rows[i].body), str_of(rows[i].format), &got, &e);
		CHECK(ok == !rows[i].says);
		CHECK_STR(str_of(e.msg), str_of(rows[i].says ? rows[i].says : ""));
		if (ok)
			CHECK_STR(picture_size(&a, &got.at[0]), S("2x3"));
		arena_free(&a);
	}
}

static void counts(void)
{
	struct arena a = {0};
	struct err e = {0};
	struct picture_answer got;
	CHECK(
	    picture_read(&a,
			 S("{\"data\":[{\"b64_json\":\"" DOT "\"}],\"usage\":{\"input_tokens\":11,\"output_tokens\":-3,"
			   "\"input_tokens_details\":{\"text_tokens\":11}}}"),
			 (struct str){0}, &got, &e));
	CHECK(got.counted && got.usage.input == 11 && got.usage.input_text == 11 && !got.usage.output);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"knows families", knows_families},
	    {"takes and refuses members", takes_and_refuses_members},
	    {"reads answers", reads_answers},
	    {"counts", counts},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
