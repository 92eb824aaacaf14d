/* attach_file.h - a file's bytes as what a model reads. Blocks: worker threads only. */
#pragma once
#include "attach/attachment.h"

/* The file's parts from its bytes; `type`: as it was sent. */
bool attachment_read_file(struct attachment *at, struct str type, struct str bytes);
