/* content_type.h - what kind of file it is (content_type.def). Pure. */
#pragma once
#include "base/buf.h"

/* By the ending of its name: "text/plain; charset=utf-8". */
struct str content_type(struct str name);
