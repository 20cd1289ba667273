#include "memory/facts.h"

#include <string.h>

#include "port/lock.h"

static struct {
    TaiLock lock;
    TaiOwner *first; /* in the order in which they were added */
} owners;

void tai_owner_add(TaiOwner *owner) {
    tai_lock(&owners.lock);
    TaiOwner **end = &owners.first;
    while (*end) {
        end = &(*end)->next;
    }
    owner->next = NULL;
    *end = owner;
    tai_unlock(&owners.lock);
}

void tai_owner_remove(TaiOwner *owner) {
    tai_lock(&owners.lock);
    TaiOwner **at = &owners.first;
    while (*at && *at != owner) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = owner->next;
    }
    tai_unlock(&owners.lock);
}

uint32_t tai_owners_hold(void) {
    tai_lock(&owners.lock);
    uint32_t n = 0;
    for (const TaiOwner *owner = owners.first; owner; owner = owner->next) {
        n++;
    }
    return n;
}

void tai_owners_facts(const void *unused, uint32_t index, TaiFacts *facts) {
    (void)unused;
    const TaiOwner *owner = owners.first;
    for (uint32_t i = 0; i < index; i++) {
        owner = owner->next;
    }
    owner->facts(owner->self, facts);
}

void tai_owners_release(void) {
    tai_unlock(&owners.lock);
}

bool tai_has_purposes(const TaiFacts *facts) {
    for (uint32_t i = 0; i < TINYAI_PURPOSES; i++) {
        if (facts->by_purpose[i]) {
            return true;
        }
    }
    return false;
}

void tai_name_copy(char into[TAI_NAME_BYTES], const char *text) {
    const size_t length = text ? strlen(text) : 0;
    const char *shown = text;
    if (length >= TAI_NAME_BYTES) {
        shown += length - (TAI_NAME_BYTES - 1);
        while (((unsigned char)*shown & 0xC0) == 0x80) {
            shown++; /* not from within a UTF-8 character */
        }
    }
    const size_t kept = length ? strlen(shown) : 0;
    memcpy(into, kept ? shown : "", kept);
    into[kept] = '\0';
}
