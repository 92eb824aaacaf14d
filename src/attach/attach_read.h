/* attach_read.h - one picture or file, read and checked. Blocks: worker threads only. */
#pragma once
#include "attach/attachment.h"

void attachment_read(struct attachment *at);
/* Is a picture's data URL as attachment_data_url() would write it? Any thread. */
bool attachment_is_plain(struct str url);
