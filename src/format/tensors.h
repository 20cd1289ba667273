/* What descriptions of tensors must fulfil in either format. */
#ifndef TAI_TENSORS_H
#define TAI_TENSORS_H

#include "format/header.h"

int32_t tai_fail_tensor(TinyAIError *error, const TaiTensorInfo *t, int32_t status,
                        const char *why);

/* Checks n_dims, dims, type and layout, and fills in bytes. */
int32_t tai_size_tensor(TaiTensorInfo *t, TinyAIError *error);

/* Of a tensor that was sized: all dimensions but the first, and the bytes of one row as in GGUF. */
uint64_t tai_tensor_rows(const TaiTensorInfo *t);
uint64_t tai_tensor_row_bytes(const TaiTensorInfo *t);
/* Bytes that n rows of it take in a layout, of which the first begins a panel. */
uint64_t tai_tensor_rows_bytes(const TaiTensorInfo *t, uint32_t layout, uint64_t n);

/* Sorts the tensors by their offset; order: [n_tensors]. */
void tai_order_by_offset(const TaiHeader *header, uint32_t *order);

#endif
