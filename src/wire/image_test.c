/* image_test.c - heads of pictures, cut at every length. */
#include "wire/image.h"

#include <string.h>

#include "base/arena.h"
#include "base/test.h"

#define PNG "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\2\0\0\0\3\10\6\0\0\0"
#define JPEG "\xff\xd8\xff\xe0\0\4xx\xff\xff\xdb\0\3y\xff\xc0\0\x11\10\0\7\1\1\3"
#define LOSSY "RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x10\x40\x20\x80"

static const struct row {
	struct str bytes;
	enum image_kind kind;
	uint32_t width, height;
} rows[] = {
    {STR(PNG), IMAGE_PNG, 0x102, 3},
    {STR("GIF89a\2\1\3\0\0\0\0"), IMAGE_GIF, 0x102, 3},
    {STR("GIF87a\5\0\6\0"), IMAGE_GIF, 5, 6},
    {STR(JPEG), IMAGE_JPEG, 0x101, 7},
    {STR("RIFF\0\0\0\0WEBPVP8X\n\0\0\0\0\0\0\0\4\0\0\5\1\0\0"), IMAGE_WEBP, 5, 0x106},
    {STR("RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\4\x40\1\0\0\0\0\0\0"), IMAGE_WEBP, 5, 6},
    {STR(LOSSY), IMAGE_WEBP, 16, 32},
};

static void sizes(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct image_head h;
		CHECK(image_head(rows[i].bytes, &h) && h.kind == rows[i].kind);
		CHECK(h.width == rows[i].width && h.height == rows[i].height);
		if (test_failed)
			printf("# row %zu: %u x %u\n", i, h.width, h.height);
	}
	CHECK_STR(image_type(IMAGE_WEBP), S("image/webp"));
}

static void cut_off(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t n = 0; n < rows[i].bytes.n; n++) {
			struct image_head h;
			char *copy = xrealloc(NULL, n ? n : 1); /* so that a sanitizer sees what is read beyond */
			memcpy(copy, rows[i].bytes.p, n);
			bool ok = image_head((struct str){copy, n}, &h);
			CHECK(!ok || (h.width && h.height));
			xfree(copy);
		}
}

static void none(void)
{
	static const struct str bad[] = {STR(""), STR("BM"), STR("<svg/>"), STR("RIFF\0\0\0\0WAVE"), STR("%PDF-1.7")};
	static const struct str broken[] = {STR("\x89PNG\r\n\x1a\n"), STR("\xff\xd8\xff\xd9\0\0\0\0"), STR("GIF89a\0\0\1\0"),
					    STR("\xff\xd8\xff\xe0\0\1xx"), STR("RIFF\0\0\0\0WEBPVP8 ")};
	struct image_head h;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!image_head(bad[i], &h) && h.kind == IMAGE_NONE);
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
		CHECK(!image_head(broken[i], &h) && h.kind != IMAGE_NONE);
}

int main(void)
{
	static const struct test_case cases[] = {{"sizes", sizes}, {"cut off", cut_off}, {"none", none}};
	return test_main(cases, sizeof cases / sizeof *cases);
}
