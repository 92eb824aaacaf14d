/* image.c - what a picture's first bytes say of it. */
#include "wire/image.h"

#include <string.h>

static uint32_t be(const unsigned char *p, int n)
{
	uint32_t v = 0;
	while (n--)
		v = v << 8 | *p++;
	return v;
}

static uint32_t le(const unsigned char *p, int n)
{
	uint32_t v = 0;
	while (n--)
		v = v << 8 | p[n];
	return v;
}

static bool sized(struct image_head *h, uint32_t width, uint32_t height)
{
	h->width = width;
	h->height = height;
	return width && height;
}

/* PNG 5.3: after the signature IHDR comes first. */
static bool png(const unsigned char *p, size_t n, struct image_head *h)
{
	return n >= 24 && !memcmp(p + 12, "IHDR", 4) && sized(h, be(p + 16, 4), be(p + 20, 4));
}

static bool gif(const unsigned char *p, size_t n, struct image_head *h)
{
	return n >= 10 && sized(h, le(p + 6, 2), le(p + 8, 2));
}

/* ITU T.81 B.1: segments up to the frame header (SOF), which has the size. */
static bool jpeg(const unsigned char *p, size_t n, struct image_head *h)
{
	for (size_t i = 2; i + 4 <= n;) {
		unsigned char mark = p[i + 1];
		if (p[i] != 0xff)
			return false;
		if (mark == 0xff) { /* a fill byte */
			i++;
			continue;
		}
		size_t length = be(p + i + 2, 2);
		bool frame = mark >= 0xc0 && mark <= 0xcf && mark != 0xc4 && mark != 0xc8 && mark != 0xcc;
		if (frame)
			return i + 9 <= n && sized(h, be(p + i + 7, 2), be(p + i + 5, 2));
		if (mark == 0x01 || (mark >= 0xd0 && mark <= 0xd8)) { /* alone */
			i += 2;
			continue;
		}
		if (length < 2 || mark == 0xd9 || mark == 0xda)
			return false;
		i += 2 + length;
	}
	return false;
}

/* RFC 9649 2: VP8X says the canvas, VP8L and VP8 say it in their own heads. */
static bool webp(const unsigned char *p, size_t n, struct image_head *h)
{
	if (n >= 30 && !memcmp(p + 12, "VP8X", 4))
		return sized(h, le(p + 24, 3) + 1, le(p + 27, 3) + 1);
	if (n >= 25 && !memcmp(p + 12, "VP8L", 4) && p[20] == 0x2f) {
		uint32_t bits = le(p + 21, 4);
		return sized(h, (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1);
	}
	if (n >= 30 && !memcmp(p + 12, "VP8 ", 4) && !memcmp(p + 23, "\x9d\x01\x2a", 3))
		return sized(h, le(p + 26, 2) & 0x3fff, le(p + 28, 2) & 0x3fff);
	return false;
}

static const struct {
	enum image_kind kind;
	struct str type, magic;
	bool (*read)(const unsigned char *p, size_t n, struct image_head *h);
} rows[] = {
    {IMAGE_PNG, STR("image/png"), STR("\x89PNG\r\n\x1a\n"), png},
    {IMAGE_JPEG, STR("image/jpeg"), STR("\xff\xd8\xff"), jpeg},
    {IMAGE_GIF, STR("image/gif"), STR("GIF87a"), gif},
    {IMAGE_GIF, STR("image/gif"), STR("GIF89a"), gif},
    {IMAGE_WEBP, STR("image/webp"), STR("RIFF"), webp},
};
enum { ROWS = sizeof rows / sizeof *rows };

bool image_head(struct str bytes, struct image_head *ret)
{
	*ret = (struct image_head){0};
	for (int i = 0; i < ROWS; i++) {
		if (!str_starts(bytes, rows[i].magic))
			continue;
		if (rows[i].kind == IMAGE_WEBP && (bytes.n < 12 || memcmp(bytes.p + 8, "WEBP", 4)))
			continue;
		ret->kind = rows[i].kind;
		return rows[i].read((const unsigned char *)bytes.p, bytes.n, ret);
	}
	return false;
}

struct str image_type(enum image_kind kind)
{
	for (int i = 0; i < ROWS; i++)
		if (rows[i].kind == kind)
			return rows[i].type;
	return S("");
}
