/*
 * The streams that the generator holds open against one server: connecting, reading, verifying, and knowing how far the
 * slowest of them has come. One thread, one epoll set.
 */
#ifndef STREAMS_H
#define STREAMS_H
#include "reader.h"

typedef struct {
  char path[512];
  char last_event_id[256];
  int port;
  int receive_buffer; /* bytes; 0 leaves it to the kernel */
} Target;

/* Opening, or opening and closing again and again ("churn"), with at most `slots` under way at a time. */
typedef struct {
  int slots;
  int wanted, opened, refused, under_way;
  int is_churn;
  uint32_t churn_last;   /* sequence number of the message before the first one that a churned stream must get */
  uint32_t churn_events; /* messages after which it is cut; 0 cuts it when the response's head is there */
  uint64_t started, deadline, finished;
  Histogram latency; /* microseconds from connect() to the head, or to the last message of a churned stream */
} Opening;

extern Target target;
extern Opening opening;
extern Tally tally;
extern uint32_t slowest; /* sequence number that every stream which reads has reached */

uint64_t clock_us(void);
void streams_init(int epoll, int limit);
int streams_count(void);
/* Opens up to the wanted number; call again whenever something changed. */
void streams_advance_opening(void);
/* Fills the slots of a churn; each begins again by itself until the deadline. */
void streams_begin_churn(void);
/* One epoll event of a stream; `events` as epoll gave them. */
void streams_ready(int index, uint32_t events);
/* Takes `seq` as what every open stream has seen. */
void streams_set_base(uint32_t seq);
/* The first `count` streams stop reading, or read again. What they do later does not hold `slowest` back. */
void streams_hold(int count, int is_held);
/* How far the slowest of the first `count` streams has come. */
uint32_t streams_slowest_of(int count);
/* Cuts all of them with RST, so that no port is left waiting. */
void streams_close(void);
#endif
