/* Heapsort: no recursion, no memory, n log n in the worst case. */
#include "format/order.h"

typedef bool (*Before)(const void *context, uint32_t a, uint32_t b);

static void sift_down(uint32_t *order, uint32_t root, uint32_t n, Before before,
                      const void *context) {
    for (uint32_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        if (child + 1 < n && before(context, order[child], order[child + 1])) {
            child++;
        }
        if (!before(context, order[root], order[child])) {
            return;
        }
        uint32_t swap = order[root];
        order[root] = order[child];
        order[child] = swap;
        root = child;
    }
}

void tai_order(uint32_t *order, uint32_t n, Before before, const void *context) {
    for (uint32_t i = 0; i < n; i++) {
        order[i] = i;
    }
    for (uint32_t root = n / 2; root-- > 0;) {
        sift_down(order, root, n, before, context);
    }
    for (uint32_t end = n; end > 1; end--) {
        uint32_t last = order[end - 1];
        order[end - 1] = order[0];
        order[0] = last;
        sift_down(order, 0, end - 1, before, context);
    }
}
