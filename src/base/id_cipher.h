/* id_cipher.h - the cipher that hides an id's key: a four-round Feistel over SipHash, of 64 bits. Pure. */
#pragma once
#include <stdint.h>

uint64_t id_encipher(const uint8_t secret[16], uint64_t key);
uint64_t id_decipher(const uint8_t secret[16], uint64_t text);
