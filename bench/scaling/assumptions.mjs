/**
 * What the simulation takes for given. Each figure was measured, with the command that did so; change them for your machines.
 * Times are of one core of the machine that is named in docs/performance-hub.md.
 */

/** `npm run bench hub`: memory of an idle stream on node:http in the process; and what the kernel keeps for its socket. */
export const STREAM_BYTES = 5_000;
export const SOCKET_BYTES = 4_000;
/** The same: CPU to open a stream that stays, to deliver one message to one stream (10,000 streams), and to write a heartbeat. */
export const OPEN_US = 200;
export const DELIVERY_US = 2.2;
export const HEARTBEAT_US = 7;
export const HEARTBEAT_MS = 15_000;
/** Of a core; the rest is for the application, and for what is uneven. */
export const USABLE = 0.6;
/** `npm run bench engines -- redis`: Redis CPU to send a message to one more process. */
export const FOLLOWER_US = 8;
/** A returning subscriber whose place is no longer in its process reads the log: one script. */
export const READ_US = 50;
/** An entry as it goes to a follower: 200 bytes, topic and header. */
export const ENTRY_BYTES = 280;
/** What a client does: the package's defaults, by its own code (client/core/reconnect.ts). */
export const CLIENT = { baseMs: 1_000, capMs: 30_000 };

export const SUBSCRIBERS = 1_000_000;
export const NODES = [5, 10, 20, 50];

/**
 * Messages a second, and topics with so many subscribers each, who are at any node. An answer that runs is a topic of one subscriber, which is
 * appended to ten times a second at most (`joinMs`): 500 of them at once are the first of these.
 *
 * `appendUs`, by the same command: Redis CPU to append one message, where all nodes publish. One that 4,000 a second come from puts about
 * eight into a group, at 13 to 16 µs each; 5,000 a second from 5, 10, 20 and 50 nodes come alone ever more often, and take
 * 18 to 22, 19 to 26, 25 to 29, and 31. At 100 a second Redis wakes up for each: 93.
 */
export const WORKLOADS = [
  { name: "notifications: a topic for each user", topics: 1_000_000, perSecond: 5_000, appendUs: 30 },
  { name: "rooms: 100,000 topics of 10 users", topics: 100_000, perSecond: 5_000, appendUs: 30 },
  { name: "dashboards: 100 topics of 10,000 users", topics: 100, perSecond: 100, appendUs: 93 },
];

/** Members of rooms of ten: as many as a process counts by default, each of whom stays ten minutes. See docs/processes.md for the rest. */
export const PRESENCE = {
  members: 100_000,
  memberBytes: 150,
  perTopic: 10,
  stayMs: 600_000,
  coalesceMs: 250,
  appendUs: 30,
};
