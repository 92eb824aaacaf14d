/* blob_seal.c - the bytes of a blob, sealed in pieces. */
#include "store/blob_seal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "store/seal_bytes.h"

enum {
	PIECE = 65536,
	SEALED_PIECE = PIECE + SEAL_TAG,
	MAGIC = 12,
	SALT_AT = MAGIC + 4,
	SALT = 32,
	HEAD = SALT_AT + SALT,
};
static const char blob_seal_magic[MAGIC + 1] = "\001sealed-file";

struct blob_seal {
	uint8_t key[SEAL_KEY];
	uint8_t blob[8]; /* its key */
	uint64_t index;  /* of the piece that gathers */
	size_t n;
	uint8_t head[HEAD], plain[PIECE], sealed[SEALED_PIECE];
	bool begun;
};

/* --- a piece ----------------------------------------------------------------------------------------------------- */

static bool blob_seal_derive(const struct store *s, const uint8_t head[HEAD], uint8_t key[SEAL_KEY])
{
	const struct seal_key *k = s->sealer ? atomic_load(&s->sealer->newest) : NULL;
	uint32_t id = seal_get_u32(head + MAGIC);
	while (k && k->id != id)
		k = k->next;
	return k && !crypto_generichash(key, SEAL_KEY, head, HEAD, k->key, SEAL_KEY);
}

/* The number and whether it is the last make the nonce, which is used once: each file's key is its own. */
static void blob_seal_nonce(const struct blob_seal *b, bool last, uint8_t nonce[SEAL_NONCE])
{
	memset(nonce, 0, SEAL_NONCE);
	for (int i = 0; i < 8; i++)
		nonce[i] = (uint8_t)(b->index >> (8 * i));
	nonce[8] = last;
}

static struct blob_seal *blob_seal_make(int64_t key)
{
	struct blob_seal *b = xalloc(sizeof *b);
	seal_put_u32(b->blob, (uint32_t)((uint64_t)key >> 32));
	seal_put_u32(b->blob + 4, (uint32_t)key);
	return b;
}

static bool blob_seal_put(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static bool blob_seal_piece(struct blob_seal *b, int fd, bool last)
{
	uint8_t nonce[SEAL_NONCE];
	if (!b->begun && !blob_seal_put(fd, b->head, HEAD))
		return false;
	b->begun = true;
	blob_seal_nonce(b, last, nonce);
	crypto_aead_xchacha20poly1305_ietf_encrypt(b->sealed, NULL, b->plain, b->n, b->blob, sizeof b->blob, NULL,
						   nonce, b->key);
	size_t n = b->n + SEAL_TAG;
	b->n = 0;
	b->index++;
	return blob_seal_put(fd, b->sealed, n);
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

struct blob_seal *blob_seal_new(const struct store *s, int64_t key)
{
	struct blob_seal *b = blob_seal_make(key);
	memcpy(b->head, blob_seal_magic, MAGIC);
	seal_put_u32(b->head + MAGIC, seal_newest(s));
	randombytes_buf(b->head + SALT_AT, SALT);
	blob_seal_derive(s, b->head, b->key);
	return b;
}

void blob_seal_free(struct blob_seal *b)
{
	if (b)
		sodium_memzero(b, sizeof *b);
	xfree(b);
}

/* A full piece waits for the next byte: it may be the last. */
bool blob_seal_write(struct blob_seal *b, int fd, struct str bytes)
{
	while (bytes.n) {
		if (b->n == PIECE && !blob_seal_piece(b, fd, false))
			return false;
		size_t n = bytes.n < PIECE - b->n ? bytes.n : PIECE - b->n;
		memcpy(b->plain + b->n, bytes.p, n);
		b->n += n;
		bytes = (struct str){bytes.p + n, bytes.n - n};
	}
	return true;
}

bool blob_seal_end(struct blob_seal *b, int fd)
{
	return blob_seal_piece(b, fd, true);
}

int64_t blob_seal_size(int64_t bytes)
{
	int64_t pieces = bytes ? (bytes + PIECE - 1) / PIECE : 1;
	return HEAD + bytes + pieces * SEAL_TAG;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

/* As many as there are, up to n; -1. */
static ssize_t blob_seal_get(int fd, uint8_t *to, size_t n, int64_t at)
{
	size_t have = 0;
	while (have < n) {
		ssize_t got = pread(fd, to + have, n - have, at + (int64_t)have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (!got)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

uint32_t blob_seal_key(int fd)
{
	uint8_t head[HEAD];
	bool is = blob_seal_get(fd, head, HEAD, 0) == HEAD && !memcmp(head, blob_seal_magic, MAGIC);
	return is ? seal_get_u32(head + MAGIC) : 0;
}

/* NULL, or why not. */
static const char *blob_seal_copy(const struct store *s, struct blob_seal *b, int from, int to)
{
	int64_t at = HEAD;
	bool last = false;
	if (blob_seal_get(from, b->head, HEAD, 0) != HEAD || !blob_seal_derive(s, b->head, b->key))
		return "it was sealed with a key that this server does not have";
	while (!last) {
		uint8_t nonce[SEAL_NONCE], next;
		ssize_t n = blob_seal_get(from, b->sealed, SEALED_PIECE, at);
		if (n < SEAL_TAG)
			return n < 0 ? strerror(errno) : "it was cut off";
		at += n;
		last = blob_seal_get(from, &next, 1, at) != 1;
		blob_seal_nonce(b, last, nonce);
		if (crypto_aead_xchacha20poly1305_ietf_decrypt(b->plain, NULL, NULL, b->sealed, (size_t)n, b->blob,
							       sizeof b->blob, nonce, b->key))
			return "it was changed, or cut off";
		if (!blob_seal_put(to, b->plain, (size_t)n - SEAL_TAG))
			return strerror(errno);
		b->index++;
	}
	return NULL;
}

int blob_seal_open(const struct store *s, int64_t key, int fd, struct err *e)
{
	struct blob_seal *b = blob_seal_make(key);
	int to = memfd_create("sealed", MFD_CLOEXEC);
	const char *why = to < 0 ? strerror(errno) : blob_seal_copy(s, b, fd, to);
	blob_seal_free(b);
	if (!why && lseek(to, 0, SEEK_SET) == 0)
		return to;
	if (to >= 0)
		close(to);
	log_at(LOG_ERROR, "a sealed file does not open", "blob=%016llx reason=\"%s\"", (unsigned long long)key,
	       why ? why : "seek");
	fail(e, ERR_STORE, NULL, "What is stored there could not be opened.");
	return -1;
}
