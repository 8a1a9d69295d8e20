/*
 * Reads one response of any server under test and holds it to its word: status, media type, chunked framing, and that
 * every message arrives complete, once and in order. What departs from that is counted, never passed over.
 *
 * The messages are JSON of exactly 100 bytes whose sequence number stands at both ends:
 *   {"seq":1000000001,"at":1000000900000000,"symbol":"book/1","bid":101.25,"ask":101.5,"end":1000000001}
 * `seq` counts from FIRST_SEQUENCE; `at` is the monotonic clock in microseconds plus 10^15, so that both are of one width.
 */
#ifndef READER_H
#define READER_H
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"

#define FIRST_SEQUENCE 1000000000u
#define CLOCK_OFFSET 1000000000000000ull
#define CARRY_LIMIT 4096

typedef struct {
  uint64_t deliveries;
  uint64_t bytes;
  uint64_t beats;     /* blocks without a message: a comment, or an id alone */
  uint64_t lost;      /* left out without a word */
  uint64_t doubled;   /* came again, or came late */
  uint64_t broken;    /* message or framing that is not what was published */
  uint64_t gaps;      /* `gap` events */
  uint64_t announced; /* messages left out that a `gap` event named */
  uint64_t misnamed;  /* `gap` events whose range is not what was left out */
  uint64_t closed;    /* responses that ended or were cut by the server */
  Histogram latency;
} Tally;

typedef enum { READ_HEAD, READ_SIZE, READ_CHUNK, READ_CHUNK_END, READ_TRAILER, READ_PLAIN } Phase;

typedef struct {
  char *carry; /* the part of a line that the last read left behind */
  uint32_t carried;
  uint32_t chunk_left;
  uint32_t last;    /* sequence number of the newest message that was dispatched */
  uint32_t pending; /* sequence number of the message being read; 0 when it has none yet */
  uint64_t pending_at;
  uint32_t gap_to; /* what an announced gap ends with, as a sequence number; 0 when none is open */
  uint8_t phase;
  uint8_t is_gap, has_beat, is_open, is_chunked, is_stream, has_status;
} Reader;

typedef enum { READER_OK = 0, READER_REFUSED = -1, READER_BROKEN = -2, READER_ENDED = -3 } ReaderVerdict;

void reader_reset(Reader *reader, uint32_t last);
void reader_free(Reader *reader);
/* Takes bytes as they came; `now` is the monotonic clock in microseconds plus CLOCK_OFFSET. */
ReaderVerdict reader_feed(Reader *reader, const char *bytes, size_t length, uint64_t now, Tally *tally);
#endif
