/* serve.h - what `antiphon serve` reads from the settings, for who checks them beforehand. */
#pragma once
#include "index/embedder.h"
#include "main/config.h"
#include "tools/tools.h"

/* What the settings and the environment say of hosted tools. */
struct tools_options tools_options_of(const struct config *c, struct str data);
/* Likewise of the embedder, but for its host. ERR_CONFIG. */
bool embed_options_of(const struct config *c, struct embed_options *ret, struct err *e);
