/*
 * The load generator. It obeys lines on its standard input and answers each with one line of JSON:
 *   target PORT PATH [LAST_EVENT_ID]   where the streams go
 *   open COUNT SLOTS [RCVBUF]          opens more of them; answers when all are open or refused
 *   base SEQ                           every stream has seen SEQ
 *   credit PORT                        from now on tells that port how far the slowest stream has come, one number a line
 *   mark                               counters to zero
 *   report                             counters since `mark`
 *   settle SEQ MS                      answers when every reading stream has reached SEQ, or after MS
 *   hold COUNT | release COUNT         the first COUNT streams stop reading, read again
 *   held COUNT SEQ MS                  answers when the first COUNT streams have reached SEQ, or after MS
 *   churn MS SLOTS LAST EVENTS         opens and cuts streams for MS; each must get EVENTS messages after LAST first
 *   close                              cuts all
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "streams.h"

#define INDEX_OF_COMMANDS UINT32_MAX
#define BATCH 512
/* An opening ends when for this long no stream came up: the rest counts as refused. */
#define OPENING_STUCK_US 20000000ull
/* How long a churn waits, after its time, for streams that are under way. */
#define CHURN_GRACE_US 3000000ull

typedef enum { IDLE, OPENING, SETTLING, HELD, CHURNING } Wait;

static Wait waiting = IDLE;
static uint32_t awaited;
static int awaited_count;
static uint64_t deadline, marked;
static double marked_cpu;
static int credit = -1;
static uint32_t credited;

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void answer_report(void) {
  const Histogram *latency = &tally.latency;
  printf("{\"deliveries\":%llu,\"bytes\":%llu,\"beats\":%llu,\"lost\":%llu,\"doubled\":%llu,\"broken\":%llu,"
         "\"gaps\":%llu,\"announced\":%llu,\"misnamed\":%llu,\"closed\":%llu,\"p50Us\":%llu,\"p90Us\":%llu,\"p99Us\":%llu,"
         "\"maxUs\":%llu,\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"slowest\":%u}\n",
         (unsigned long long)tally.deliveries, (unsigned long long)tally.bytes, (unsigned long long)tally.beats,
         (unsigned long long)tally.lost, (unsigned long long)tally.doubled, (unsigned long long)tally.broken,
         (unsigned long long)tally.gaps, (unsigned long long)tally.announced, (unsigned long long)tally.misnamed,
         (unsigned long long)tally.closed, (unsigned long long)histogram_percentile(latency, 0.5),
         (unsigned long long)histogram_percentile(latency, 0.9), (unsigned long long)histogram_percentile(latency, 0.99),
         (unsigned long long)latency->largest, (double)(clock_us() - marked) / 1e6, cpu_seconds() - marked_cpu, slowest);
}

static void answer_opening(void) {
  double seconds = opening.finished > opening.started ? (double)(opening.finished - opening.started) / 1e6 : 0;
  printf("{\"opened\":%d,\"refused\":%d,\"seconds\":%.6f,\"p50Us\":%llu,\"p99Us\":%llu,\"lost\":%llu,\"doubled\":%llu,"
         "\"broken\":%llu}\n",
         opening.opened, opening.refused, seconds, (unsigned long long)histogram_percentile(&opening.latency, 0.5),
         (unsigned long long)histogram_percentile(&opening.latency, 0.99), (unsigned long long)tally.lost,
         (unsigned long long)tally.doubled, (unsigned long long)tally.broken);
}

static void start_opening(int slots) {
  memset(&opening, 0, sizeof opening);
  opening.slots = slots;
  opening.started = opening.finished = clock_us();
}

static int connect_credit(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    perror("Cannot connect the credit");
    exit(1);
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static void send_credit(void) {
  char line[16];
  if (credit < 0 || slowest == credited) return;
  int length = snprintf(line, sizeof line, "%u\n", slowest);
  if (send(credit, line, (size_t)length, MSG_NOSIGNAL) == length) credited = slowest;
}

static void obey(char *line) {
  char word[16] = "";
  unsigned a = 0, b = 0, c = 0, d = 0;
  sscanf(line, "%15s %u %u %u %u", word, &a, &b, &c, &d);
  if (strcmp(word, "target") == 0) {
    target.last_event_id[0] = 0;
    sscanf(line, "%*s %d %511s %255s", &target.port, target.path, target.last_event_id);
    printf("{}\n");
  } else if (strcmp(word, "open") == 0) {
    target.receive_buffer = (int)c;
    start_opening((int)b);
    opening.wanted = (int)a;
    waiting = OPENING;
    streams_advance_opening();
  } else if (strcmp(word, "churn") == 0) {
    target.receive_buffer = 0;
    start_opening((int)b);
    opening.is_churn = 1;
    opening.churn_last = c;
    opening.churn_events = d;
    opening.deadline = opening.started + a * 1000ull;
    memset(&tally, 0, sizeof tally);
    waiting = CHURNING;
    streams_begin_churn();
  } else if (strcmp(word, "base") == 0) {
    streams_set_base(a);
    printf("{}\n");
  } else if (strcmp(word, "credit") == 0) {
    if (credit >= 0) close(credit);
    credit = a > 0 ? connect_credit((int)a) : -1;
    credited = 0;
    printf("{}\n");
  } else if (strcmp(word, "mark") == 0) {
    memset(&tally, 0, sizeof tally);
    marked = clock_us();
    marked_cpu = cpu_seconds();
    printf("{}\n");
  } else if (strcmp(word, "report") == 0) {
    answer_report();
  } else if (strcmp(word, "settle") == 0) {
    awaited = a;
    deadline = clock_us() + b * 1000ull;
    waiting = SETTLING;
  } else if (strcmp(word, "held") == 0) {
    awaited_count = (int)a;
    awaited = b;
    deadline = clock_us() + c * 1000ull;
    waiting = HELD;
  } else if (strcmp(word, "hold") == 0 || strcmp(word, "release") == 0) {
    streams_hold((int)a, word[0] == 'h');
    printf("{}\n");
  } else if (strcmp(word, "close") == 0) {
    streams_close();
    printf("{}\n");
  } else {
    fprintf(stderr, "Cannot obey: %s\n", line);
    exit(1);
  }
}

static void obey_input(void) {
  static char input[8192];
  static size_t filled;
  ssize_t length = read(STDIN_FILENO, input + filled, sizeof input - 1 - filled);
  if (length <= 0) exit(0);
  filled += (size_t)length;
  input[filled] = 0;
  char *line = input, *newline;
  while ((newline = strchr(line, '\n')) != NULL) {
    *newline = 0;
    obey(line);
    line = newline + 1;
  }
  filled = strlen(line);
  memmove(input, line, filled + 1);
}

static void answer_what_came_about(void) {
  uint64_t now = clock_us();
  int is_late = now >= deadline;
  if (waiting == OPENING && (opening.opened + opening.refused >= opening.wanted || now >= opening.finished + OPENING_STUCK_US)) {
    opening.refused = opening.wanted - opening.opened;
    answer_opening();
  } else if (waiting == CHURNING && (opening.under_way == 0 || now >= opening.deadline + CHURN_GRACE_US) && now >= opening.deadline) {
    answer_opening();
  } else if (waiting == SETTLING && (slowest >= awaited || is_late)) {
    printf("{\"settled\":%s,\"slowest\":%u}\n", slowest >= awaited ? "true" : "false", slowest);
  } else if (waiting == HELD && (streams_slowest_of(awaited_count) >= awaited || is_late)) {
    uint32_t least = streams_slowest_of(awaited_count);
    printf("{\"settled\":%s,\"slowest\":%u}\n", least >= awaited ? "true" : "false", least);
  } else {
    return;
  }
  waiting = IDLE;
}

int main(int count, char **words) {
  int limit = count > 1 ? atoi(words[1]) : 20000;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event events[BATCH], input = {.events = EPOLLIN, .data.u32 = INDEX_OF_COMMANDS};
  if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input) < 0) {
    perror("Cannot start the generator");
    return 1;
  }
  streams_init(epoll, limit);
  setvbuf(stdout, NULL, _IOLBF, 0);
  marked = clock_us();
  for (;;) {
    int ready = epoll_wait(epoll, events, BATCH, waiting == IDLE ? -1 : 5);
    if (ready < 0 && errno != EINTR) {
      perror("Cannot wait");
      return 1;
    }
    for (int at = 0; at < ready; at++) {
      if (events[at].data.u32 == INDEX_OF_COMMANDS) obey_input();
      else streams_ready((int)events[at].data.u32, events[at].events);
    }
    send_credit();
    if (waiting != IDLE) answer_what_came_about();
  }
}
