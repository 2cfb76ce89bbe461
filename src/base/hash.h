/* FNV-1a, 64 bits (Fowler, Noll, Vo): tells whether bytes are the same ones. A change of one byte always changes it.
 * Not for adversaries. */
#ifndef DP_BASE_HASH_H
#define DP_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define DP_HASH_BEGIN UINT64_C(0xcbf29ce484222325)

/* Goes on from `hash`, which is DP_HASH_BEGIN at first. */
uint64_t dp_hash(uint64_t hash, const void *bytes, size_t count);

#endif
