/* See reader.h. From the outside in: head, chunks, lines, fields, messages. */
#include "reader.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static ReaderVerdict read_lines(Reader *, const char *, size_t, uint64_t, Tally *);
static ReaderVerdict read_head_line(Reader *, const char *, size_t);
static void read_field(Reader *, const char *, size_t, Tally *);
static void dispatch(Reader *, uint64_t, Tally *);

void reader_reset(Reader *reader, uint32_t last) {
  char *carry = reader->carry;
  memset(reader, 0, sizeof *reader);
  reader->carry = carry;
  reader->last = last;
}

void reader_free(Reader *reader) {
  free(reader->carry);
  reader->carry = NULL;
}

ReaderVerdict reader_feed(Reader *reader, const char *bytes, size_t length, uint64_t now, Tally *tally) {
  const char *end = bytes + length;
  ReaderVerdict verdict = READER_OK;
  tally->bytes += length;
  while (bytes < end && verdict == READER_OK) {
    switch ((Phase)reader->phase) {
      case READ_HEAD: {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        const char *stop = newline ? newline + 1 : end;
        verdict = read_lines(reader, bytes, (size_t)(stop - bytes), now, tally);
        bytes = stop;
        break;
      }
      case READ_SIZE: {
        char c = *bytes++;
        if (c >= '0' && c <= '9')
          reader->chunk_left = reader->chunk_left * 16 + (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
          reader->chunk_left = reader->chunk_left * 16 + (uint32_t)((c | 32) - 'a' + 10);
        else if (c == '\n')
          reader->phase = reader->chunk_left == 0 ? READ_TRAILER : READ_CHUNK;
        else if (c != '\r')
          verdict = READER_BROKEN;
        break;
      }
      case READ_CHUNK: {
        size_t part = (size_t)(end - bytes) < reader->chunk_left ? (size_t)(end - bytes) : reader->chunk_left;
        verdict = read_lines(reader, bytes, part, now, tally);
        bytes += part;
        reader->chunk_left -= (uint32_t)part;
        if (reader->chunk_left == 0) reader->phase = READ_CHUNK_END;
        break;
      }
      case READ_CHUNK_END:
        if (*bytes == '\n') reader->phase = READ_SIZE;
        else if (*bytes != '\r') verdict = READER_BROKEN;
        bytes++;
        break;
      case READ_TRAILER:
        verdict = READER_ENDED;
        break;
      case READ_PLAIN:
        verdict = read_lines(reader, bytes, (size_t)(end - bytes), now, tally);
        bytes = end;
        break;
    }
  }
  if (verdict == READER_BROKEN) tally->broken++;
  return verdict;
}

static ReaderVerdict read_lines(Reader *reader, const char *bytes, size_t length, uint64_t now, Tally *tally) {
  const char *end = bytes + length;
  while (bytes < end) {
    const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
    const char *line = bytes;
    size_t size = (size_t)((newline ? newline : end) - bytes);
    if (newline == NULL || reader->carried > 0) {
      if (reader->carry == NULL) reader->carry = malloc(CARRY_LIMIT);
      if (reader->carry == NULL || reader->carried + size > CARRY_LIMIT) return READER_BROKEN;
      memcpy(reader->carry + reader->carried, bytes, size);
      reader->carried += (uint32_t)size;
      if (newline == NULL) return READER_OK;
      line = reader->carry;
      size = reader->carried;
      reader->carried = 0;
    }
    if (size > 0 && line[size - 1] == '\r') size--;
    if (reader->phase == READ_HEAD) {
      ReaderVerdict verdict = read_head_line(reader, line, size);
      if (verdict != READER_OK) return verdict;
    } else if (size == 0) {
      dispatch(reader, now, tally);
    } else {
      read_field(reader, line, size, tally);
    }
    bytes = newline + 1;
  }
  return READER_OK;
}

static int has(const char *line, size_t size, const char *text) {
  size_t length = strlen(text);
  for (size_t at = 0; at + length <= size; at++)
    if (strncasecmp(line + at, text, length) == 0) return 1;
  return 0;
}

static ReaderVerdict read_head_line(Reader *reader, const char *line, size_t size) {
  if (!reader->has_status) {
    reader->has_status = 1;
    return size >= 12 && memcmp(line, "HTTP/1.1 200", 12) == 0 ? READER_OK : READER_REFUSED;
  }
  if (size == 0) {
    if (!reader->is_stream) return READER_REFUSED;
    reader->is_open = 1;
    reader->phase = reader->is_chunked ? READ_SIZE : READ_PLAIN;
    return READER_OK;
  }
  if (size > 18 && strncasecmp(line, "transfer-encoding:", 18) == 0) reader->is_chunked = has(line, size, "chunked") ? 1 : 0;
  if (size > 13 && strncasecmp(line, "content-type:", 13) == 0) reader->is_stream = has(line, size, "text/event-stream") ? 1 : 0;
  return READER_OK;
}

static int read_digits(const char *text, int count, uint64_t *value) {
  uint64_t sum = 0;
  for (int at = 0; at < count; at++) {
    unsigned digit = (unsigned)(text[at] - '0');
    if (digit > 9) return 0;
    sum = sum * 10 + digit;
  }
  *value = sum;
  return 1;
}

/* The end of a gap as a sequence number: the digits of "to" after its last dot (a cursor is `epoch.offset`). */
static uint32_t read_gap_to(const char *data, size_t size) {
  uint64_t value = 0;
  for (size_t at = 0; at + 5 < size; at++) {
    if (memcmp(data + at, "\"to\":", 5) != 0) continue;
    for (at += 5; at < size && data[at] != ',' && data[at] != '}'; at++) {
      if (data[at] == '.') value = 0;
      else if (data[at] >= '0' && data[at] <= '9') value = value * 10 + (uint64_t)(data[at] - '0');
    }
    return FIRST_SEQUENCE + (uint32_t)value;
  }
  return FIRST_SEQUENCE;
}

static void read_field(Reader *reader, const char *line, size_t size, Tally *tally) {
  if (line[0] == ':') {
    reader->has_beat = 1;
  } else if (size >= 5 && memcmp(line, "data:", 5) == 0) {
    const char *data = line + 5;
    size -= 5;
    if (size > 0 && *data == ' ') data++, size--;
    if (reader->is_gap) {
      reader->gap_to = read_gap_to(data, size);
      return;
    }
    uint64_t seq, at, seq_again;
    if (size == 100 && memcmp(data, "{\"seq\":", 7) == 0 && read_digits(data + 7, 10, &seq) &&
        memcmp(data + 17, ",\"at\":", 6) == 0 && read_digits(data + 23, 16, &at) &&
        memcmp(data + 39, ",\"symbol\":\"book/1\",\"bid\":101.25,\"ask\":101.5,\"end\":", 50) == 0 &&
        read_digits(data + 89, 10, &seq_again) && seq == seq_again && data[99] == '}' && reader->pending == 0) {
      reader->pending = (uint32_t)seq;
      reader->pending_at = at;
    } else {
      tally->broken++;
    }
  } else if (size >= 6 && memcmp(line, "event:", 6) == 0) {
    reader->is_gap = has(line, size, "gap") ? 1 : 0;
  } else if (size >= 3 && memcmp(line, "id:", 3) == 0) {
    reader->has_beat = 1;
  }
}

static void dispatch(Reader *reader, uint64_t now, Tally *tally) {
  if (reader->is_gap) {
    reader->is_gap = 0;
    tally->gaps++;
    return;
  }
  uint32_t seq = reader->pending;
  if (seq == 0) tally->beats += reader->has_beat;
  reader->has_beat = 0;
  if (seq == 0) return;
  reader->pending = 0;
  tally->deliveries++;
  histogram_record(&tally->latency, now > reader->pending_at ? now - reader->pending_at : 0);
  if (seq <= reader->last) {
    tally->doubled++;
    return;
  }
  uint32_t missing = seq - reader->last - 1;
  if (reader->gap_to != 0) {
    tally->announced += missing;
    if (reader->gap_to != seq - 1) tally->misnamed++;
    reader->gap_to = 0;
  } else {
    tally->lost += missing;
  }
  reader->last = seq;
}
