/* sealing.h - what GET /admin/sealing answers, in words. Pure. */
#pragma once
#include "main/args.h"
#include "wire/json.h"

struct str sealing_say(struct arena *a, yyjson_val *v);
