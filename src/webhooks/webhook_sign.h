/* webhook_sign.h - signing secrets and signatures of webhooks, as Standard Webhooks has them.
 *
 * A secret is "whsec_" and base64 of its bytes; a signature is HMAC-SHA256 over "id.timestamp.body". Pure; any thread. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

/* A fresh secret of 32 random bytes, in `a`. */
struct str webhook_secret_make(struct arena *a);
/* What may be shown of it: its ends. In `a`. */
struct str webhook_secret_hint(struct arena *a, struct str secret);
/* "v1,<base64>", in `a`; {0} when `secret` is none. */
struct str webhook_sign(struct arena *a, struct str secret, struct str id, int64_t timestamp, struct str body);
