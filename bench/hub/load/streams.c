/* See streams.h. */
#include "streams.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES (256 * 1024)
/* The slowest and the fastest stream may be this many messages apart. */
#define SPREAD (1u << 20)

typedef enum { EMPTY, CONNECTING, READING } State;
typedef struct {
  int fd;
  State state;
  int is_tracked, is_held;
  uint64_t started;
  Reader reader;
} Stream;

Target target;
Opening opening;
Tally tally;
uint32_t slowest = FIRST_SEQUENCE;

static Stream *streams;
static int epoll_set, used, limit_of_streams, tracked;
static char buffer[READ_BYTES];
/* How many tracked streams stand at each sequence number. */
static uint32_t standing[SPREAD];
static uint32_t fastest = FIRST_SEQUENCE;
static uint32_t base = FIRST_SEQUENCE;

static void begin(int index);
static void cut(Stream *);
static void track(Stream *);
static void untrack(Stream *);
static void moved(uint32_t from, uint32_t to);
static void read_from(int index);
static void finish_opening(int index, int is_good);

uint64_t clock_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000ull + (uint64_t)now.tv_nsec / 1000ull + CLOCK_OFFSET;
}

void streams_init(int epoll, int limit) {
  epoll_set = epoll;
  limit_of_streams = limit;
  streams = calloc((size_t)limit, sizeof *streams);
  if (streams == NULL) {
    fprintf(stderr, "Cannot start the generator: no memory for %d streams\n", limit);
    exit(1);
  }
}

int streams_count(void) { return used; }

void streams_advance_opening(void) {
  if (opening.is_churn) return;
  while (opening.opened + opening.refused + opening.under_way < opening.wanted && opening.under_way < opening.slots &&
         used < limit_of_streams) {
    begin(used++);
  }
}

void streams_begin_churn(void) {
  while (opening.under_way < opening.slots && used < limit_of_streams) begin(used++);
}

void streams_ready(int index, uint32_t events) {
  Stream *stream = &streams[index];
  if (stream->state == CONNECTING && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
    char head[1400];
    int length = snprintf(head, sizeof head,
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: tidings-bench\r\n"
                          "Accept: text/event-stream\r\nCache-Control: no-cache\r\n%s%s%s\r\n",
                          target.path, target.port, target.last_event_id[0] ? "Last-Event-ID: " : "",
                          target.last_event_id, target.last_event_id[0] ? "\r\n" : "");
    if (send(stream->fd, head, (size_t)length, MSG_NOSIGNAL) != length) {
      finish_opening(index, 0);
      return;
    }
    stream->state = READING;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)index};
    epoll_ctl(epoll_set, EPOLL_CTL_MOD, stream->fd, &event);
    return;
  }
  if (stream->state == READING && (events & (EPOLLIN | EPOLLERR | EPOLLHUP))) read_from(index);
}

void streams_set_base(uint32_t seq) {
  base = seq;
  for (int index = 0; index < used; index++) {
    if (streams[index].is_tracked) untrack(&streams[index]);
    streams[index].reader.last = seq;
  }
  slowest = fastest = seq;
  for (int index = 0; index < used; index++)
    if (streams[index].state == READING && !streams[index].is_held) track(&streams[index]);
}

void streams_hold(int count, int is_held) {
  for (int index = 0; index < count && index < used; index++) {
    Stream *stream = &streams[index];
    if (stream->state != READING || stream->is_held == is_held) continue;
    stream->is_held = is_held;
    if (stream->is_tracked) untrack(stream);
    struct epoll_event event = {.events = is_held ? 0 : EPOLLIN, .data.u32 = (uint32_t)index};
    epoll_ctl(epoll_set, EPOLL_CTL_MOD, stream->fd, &event);
  }
}

uint32_t streams_slowest_of(int count) {
  uint32_t least = UINT32_MAX;
  for (int index = 0; index < count && index < used; index++)
    if (streams[index].state == READING && streams[index].reader.last < least) least = streams[index].reader.last;
  return least;
}

void streams_close(void) {
  for (int index = 0; index < used; index++) {
    cut(&streams[index]);
    reader_free(&streams[index].reader);
  }
  used = 0;
  opening.under_way = 0;
}



static void begin(int index) {
  Stream *stream = &streams[index];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)target.port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  opening.under_way++;
  reader_reset(&stream->reader, opening.is_churn ? opening.churn_last : base);
  stream->is_tracked = stream->is_held = 0;
  stream->state = CONNECTING;
  stream->started = clock_us();
  stream->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (stream->fd < 0) {
    fprintf(stderr, "Cannot open stream %d: ", index);
    perror("socket");
    exit(1);
  }
  if (target.receive_buffer > 0)
    setsockopt(stream->fd, SOL_SOCKET, SO_RCVBUF, &target.receive_buffer, sizeof target.receive_buffer);
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  if (connect(stream->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
    fprintf(stderr, "Cannot open stream %d: ", index);
    perror("connect");
    exit(1);
  }
  struct epoll_event event = {.events = EPOLLOUT, .data.u32 = (uint32_t)index};
  epoll_ctl(epoll_set, EPOLL_CTL_ADD, stream->fd, &event);
}

static void cut(Stream *stream) {
  if (stream->state == EMPTY) return;
  if (stream->is_tracked) untrack(stream);
  close(stream->fd);
  stream->state = EMPTY;
}

static void read_from(int index) {
  Stream *stream = &streams[index];
  Reader *reader = &stream->reader;
  ssize_t length = recv(stream->fd, buffer, sizeof buffer, 0);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  int was_open = reader->is_open;
  uint32_t before = reader->last;
  uint64_t now = clock_us();
  ReaderVerdict verdict = length > 0 ? reader_feed(reader, buffer, (size_t)length, now, &tally) : READER_ENDED;
  if (verdict != READER_OK) {
    if (!was_open || opening.is_churn) {
      finish_opening(index, 0);
    } else {
      tally.closed++;
      cut(stream);
    }
    return;
  }
  if (stream->is_tracked && reader->last != before) moved(before, reader->last);
  if (opening.is_churn) {
    if (reader->is_open && reader->last >= opening.churn_last + opening.churn_events) finish_opening(index, 1);
  } else if (!was_open && reader->is_open) {
    finish_opening(index, 1);
  }
}

static void finish_opening(int index, int is_good) {
  Stream *stream = &streams[index];
  uint64_t now = clock_us();
  opening.under_way--;
  if (!opening.is_churn || now < opening.deadline) {
    if (is_good) {
      opening.opened++;
      histogram_record(&opening.latency, now - stream->started);
    } else {
      opening.refused++;
    }
    opening.finished = now;
  }
  if (!is_good) {
    cut(stream);
  } else if (!opening.is_churn) {
    track(stream);
  }
  if (opening.is_churn) {
    cut(stream);
    if (now < opening.deadline) begin(index);
  } else {
    streams_advance_opening();
  }
}

/* How far the slowest has come: a count of streams for each sequence number, moved along in constant time. */

static void track(Stream *stream) {
  stream->is_tracked = 1;
  standing[stream->reader.last % SPREAD]++;
  if (tracked == 0) slowest = fastest = stream->reader.last;
  if (stream->reader.last < slowest) slowest = stream->reader.last;
  if (stream->reader.last > fastest) fastest = stream->reader.last;
  tracked++;
}

static void untrack(Stream *stream) {
  stream->is_tracked = 0;
  tracked--;
  standing[stream->reader.last % SPREAD]--;
  while (tracked > 0 && slowest < fastest && standing[slowest % SPREAD] == 0) slowest++;
}

static void moved(uint32_t from, uint32_t to) {
  standing[from % SPREAD]--;
  standing[to % SPREAD]++;
  if (to > fastest) fastest = to;
  while (slowest < fastest && standing[slowest % SPREAD] == 0) slowest++;
  if (fastest - slowest >= SPREAD) {
    fprintf(stderr, "Cannot follow the streams: the slowest is %u messages behind the fastest\n", fastest - slowest);
    exit(1);
  }
}
