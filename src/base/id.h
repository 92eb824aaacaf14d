/* id.h - object ids: prefix + 40 hex digits, unguessable, with an integer key inside.
 *
 * A key is 63 bits: microseconds (52), counter (4), node (7); it never goes back, so rows sort by
 * time. What the world sees is the key enciphered (four-round Feistel over SipHash, so that a tenant
 * learns no volumes) followed by 96 random bits, which every read compares. Any thread. */
#pragma once
#include "base/str.h"

enum { ID_RND = 12, ID_HEX = 40, ID_MAX = 64, ID_NODES = 128 };

struct id {
	int64_t key;
	uint8_t rnd[ID_RND];
};

/* Sets the cipher's key (16 bytes, from the store). Before any other call. */
void id_setup(const uint8_t secret[16]);
/* Keys minted from now on are greater than `floor`: the greatest key in the store. */
void id_floor(int64_t floor);
/* Keys are minted in the name of this node from now on (below ID_NODES). Those up to `since` were made before keys named one:
 * their lowest bits mean nothing. Before other threads mint. */
void id_node_set(unsigned node, int64_t since);
/* A fresh key and random part. */
struct id id_mint(void);
/* The node that minted it; -1: its key is older than nodes are. */
int id_node(const struct id *id);
/* When it was minted, in seconds or microseconds since 1970. */
int64_t id_made_at(const struct id *id);
int64_t id_made_us(const struct id *id);
/* Keys minted at this second or later are at least that. */
int64_t id_key_from(int64_t seconds);
/* Writes prefix + '_' + hex into `out` (prefix at most 12 bytes; no '_' behind one that ends with '-'), NUL-terminated;
 * returns it. */
struct str id_text(char out[ID_MAX], const char *prefix, const struct id *id);
/* Reads an id of ours back; false when the prefix or the shape differs. */
bool id_parse(struct str text, const char *prefix, struct id *ret);
/* Like id_parse() with any prefix (before the last '_'). */
bool id_parse_any(struct str text, struct id *ret);
/* A random id that stands for no row ("req", "call"): prefix + '_' + 32 hex digits. */
struct str id_random(char out[ID_MAX], const char *prefix);
