/* What modules with shared memory export besides exports.txt. A helper is a worker that instantiates the module on
 * the memory of the model, calls tinyai_js_use_stack(top) before any other function, then tinyai_js_help(). The
 * model must be open. */
#ifndef TINYAI_JS_THREADS_H
#define TINYAI_JS_THREADS_H

#include <stdint.h>

struct TinyAIModel *tinyai_js_model(void); /* of this memory; not exported */

/* Of the owner: the end of the stack of helper 0 .. plan.threads - 2. */
uint32_t tinyai_js_helper_stack(uint32_t index);
/* Of the owner, once no step is running: lets the helpers return. */
void tinyai_js_stop_helpers(void);

/* Of a helper: the stack grows down from `top`. */
void tinyai_js_use_stack(uint32_t top);
/* Computes with the model's team until it is stopped. */
void tinyai_js_help(void);
/* After a trap in there: the owner gets an error instead of waiting for ever. */
void tinyai_js_helper_failed(void);

#endif
