/* Repacking: quantized rows become panels (kernels/panel.h) in the slot that they were read into.
 *
 *     | panels and floats so far ──▶      | ──▶ bytes of the file that are still to be taken |
 *     0                                   at least `land`                           slot's end
 *
 * The file's bytes land at the slot's end and are taken in their order. They land as far behind as is needed
 * for no panel to be written over rows that were not taken: for each panel
 *
 *     its end <= the begin of its rows = land + their place among the unit's bytes
 *
 * so a slot takes about max(file, panels) and one panel more, which follows from the header alone. Tensors that are
 * no panels are moved as they are. A unit without quantized rows is computed with where it lands. */
#ifndef TAI_REPACK_H
#define TAI_REPACK_H

#include "model/file.h"

/* Whether a tensor is computed with in another layout than the file's. */
bool tai_needs_repack(const TaiTensor *tensor);

/* Decides where in its slot a unit lands whose tensors lie at `from` among its bytes, and where they are computed
 * with, one behind the other in the order of the file: sets `land` and `repack` of the unit, `from` (now in the slot)
 * and `at` of the tensors. Returns the bytes of the slot. */
uint64_t tai_place_unit(TaiUnit *unit, TaiTensor *tensors, uint32_t n, uint64_t bytes);

/* Sets up the operations that repack a unit whose bytes have landed. */
void tai_build_repack(TinyAIModel *m, uint32_t index);

#endif
