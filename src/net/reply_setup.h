/* reply_setup.h - what all replies share. */
#pragma once
#include <stdint.h>

/* Key for obfuscation (16 bytes); before any reply. */
void reply_setup(const uint8_t secret[16]);
