/*
 * A histogram of microseconds with a bounded relative error: 32 buckets for each doubling, so a percentile is within
 * about 3 % of the true value at any size. Recording costs a few instructions and never allocates.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H
#include <stdint.h>
#include <string.h>

#define HISTOGRAM_STEPS 32
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * 40)

typedef struct {
  uint64_t count, largest;
  uint64_t buckets[HISTOGRAM_BUCKETS];
} Histogram;

static inline void histogram_reset(Histogram *histogram) { memset(histogram, 0, sizeof *histogram); }

static inline void histogram_record(Histogram *histogram, uint64_t micros) {
  unsigned bucket;
  if (micros < HISTOGRAM_STEPS) {
    bucket = (unsigned)micros;
  } else {
    unsigned doubling = 63u - (unsigned)__builtin_clzll(micros);
    bucket = (doubling - 4) * HISTOGRAM_STEPS + (unsigned)((micros >> (doubling - 5)) & (HISTOGRAM_STEPS - 1));
    if (bucket >= HISTOGRAM_BUCKETS) bucket = HISTOGRAM_BUCKETS - 1;
  }
  histogram->buckets[bucket]++;
  histogram->count++;
  if (micros > histogram->largest) histogram->largest = micros;
}

/* The value in microseconds that `share` (0 to 1) of what was recorded does not exceed; 0 when nothing was. */
static inline uint64_t histogram_percentile(const Histogram *histogram, double share) {
  uint64_t wanted = (uint64_t)((double)histogram->count * share), seen = 0;
  if (histogram->count == 0) return 0;
  for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    seen += histogram->buckets[bucket];
    if (seen > wanted || seen == histogram->count) {
      if (bucket < HISTOGRAM_STEPS) return bucket;
      unsigned doubling = bucket / HISTOGRAM_STEPS + 4;
      uint64_t step = bucket % HISTOGRAM_STEPS;
      return (1ull << doubling) + (step << (doubling - 5)) + (1ull << (doubling - 5)) / 2;
    }
  }
  return histogram->largest;
}
#endif
