/* attach_read.h - one picture or file, read and checked. Blocks: worker threads only. */
#pragma once
#include "attach/attachment.h"

void attachment_read(struct attachment *at);
