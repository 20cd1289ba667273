/* What descriptions of tensors must fulfil in either format. */
#ifndef TAI_TENSORS_H
#define TAI_TENSORS_H

#include "format/header.h"

int32_t tai_fail_tensor(TinyAIError *error, const TaiTensorInfo *t, int32_t status,
                        const char *why);

/* Checks n_dims, dims and type, and fills in bytes. */
int32_t tai_size_tensor(TaiTensorInfo *t, TinyAIError *error);

/* Sorts the tensors by their offset; order: [n_tensors]. */
void tai_order_by_offset(const TaiHeader *header, uint32_t *order);

#endif
