/** The state of the log in Redis: read at the start of each step, and written when it changed. */

/**
 * Arguments: an epoch, should there be no log; the epoch that the process knows; and, as two doubles, the newest offset that it
 * knows to have been given, and the time (0 where it does not know that yet).
 */
export const STATE: string = `
local P, A = KEYS[1], ARGV
local H, S, L, X, T = P .. ':log', P .. ':entries', P .. ':lost', P .. ':topics', P .. ':t:'
local call, try, pack, unpack_, format, sub = redis.call, redis.pcall, struct.pack, struct.unpack, string.format, string.sub
local seen, now = unpack_('>dd', A[3])
local epoch, identity
local head, bytes, at, floor, newest, min, count, oldest = 0, 0, 0, 0, 0, 1, 0, 0
`;

/** How long the last append of a process is kept, or an hour less: the clock of Redis may jump by six. */
export const KEPT_MS: number = 7 * 3_600_000;

/**
 * Behind the epoch. Another one where anything that is kept changes: a version that knows another refuses the log, and so do those that were
 * made before this was asked, which look for a space.
 */
const FORMAT = "|";

const TAKE = `
if state then
  local till = string.find(state, '${FORMAT}', 65, true)
  if not till then return redis.error_reply('FORMAT ' .. H .. ' is of another version, or of another program') end
  head, bytes, at, floor, newest, min, count, oldest = unpack_('>dddddddd', state)
  identity = sub(state, 65)
  epoch = sub(state, 65, till - 1)
end
if now > at then at = now end
`;

export const LOAD: string = `local state = call('GET', H)${TAKE}`;

/** And what a process appended last. */
export const LOAD_WITH_TOKEN: string = `
local both = call('MGET', H, token)
local state, known = both[1], both[2]
${TAKE}`;

export const SAVE: string = `call('SET', H, pack('>dddddddd', head, bytes, at, floor, newest, min, count, oldest) .. identity)`;

/** Where it was saved before by the same step, or loaded: of the same log and server. */
export const SAVE_AGAIN: string = `call('SETRANGE', H, '0', pack('>dddddddd', head, bytes, at, floor, newest, min, count, oldest))`;

/** There is no log, or no more: its data is gone. What another program keeps there is left alone. */
export const ENSURE: string = `
if not epoch then
  local rest, lost, topics = try('XRANGE', S, '-', '+', 'COUNT', 1), try('ZCARD', L), try('SCARD', X)
  local id, fields = unpack(rest[1] or {})
  if rest.err or type(lost) == 'table' or type(topics) == 'table' or type(try('STRLEN', H)) == 'table' or id
    and (#fields[1] ~= 16 or format('%d-0', unpack_('>d', fields[1])) ~= id) then
    return redis.error_reply('WRONGTYPE there is something else')
  end
  call('DEL', S, L, X)
  epoch, head, bytes, floor, newest, min = A[1], 0, 0, 0, 0, 1
  identity = epoch .. '${FORMAT}'
  ${SAVE}
end
`;

/**
 * Whether Redis takes writes now. One that is full refuses only the first write of a script, and not this one, which changes
 * nothing and takes no memory.
 */
export const WRITABLE = "type(try('PERSIST', H)) == 'number'";

/** How far offsets jump at least. */
export const JUMP = 1_000_000;
/** Shorter than Redis keeps the former name of a server without replicas: `repl-backlog-ttl`, an hour. */
const NAMED_MS = 600_000;

/**
 * Another server answers than the one that was written to last, or it knows less than was acknowledged. Offsets may have been
 * given that it does not know of: none of them is given again, and every subscriber gets a gap.
 *
 * A server that was a replica has another name (`master_replid`) from then on, also where the connection to it stayed open and it
 * still has its scripts; so each step looks, which takes Redis 4 µs. How far the jump goes differs by server: of two that took over
 * from each other and never met, each would otherwise go on at the same offset.
 *
 * A server names itself anew also when it gets its first replica, and when it has had none for an hour. That is no reason for a gap:
 * it has no former name then, is the same run of the same server, and has been written to since.
 *
 * A server that takes no writes now (a replica, a disk that fails, replicas that are missing) is read as it is: nothing is given there.
 */
export const FENCE: string = `
local replication, known = call('INFO', 'replication'), sub(identity, #epoch + 2)
local is_behind = seen > head and A[2] == epoch
-- To find a text is cheaper than to take it out. That of master_replid comes first; behind it is that of master_replid2.
local found = string.find(replication, known, 1, true)
local is_known = known ~= '' and found and string.byte(replication, found - 2) == ${"d".charCodeAt(0)}
if (is_behind or not is_known) and ${WRITABLE} then
  local server = string.match(replication, 'master_replid:(%w+)')
  if known ~= server then
    local run = string.match(call('INFO', 'server'), 'run_id:(%w+)')
    local _, _, written = unpack_('>ddd', state or pack('>ddd', 0, 0, 0))
    local is_renamed = try('GET', P .. ':server') == known .. ' ' .. run
      and string.find(replication, 'master_replid2:0000000000', 1, true)
      and tonumber(call('TIME')[1]) * 1000 - written < ${NAMED_MS}
    if known ~= '' and head > 0 and not is_renamed then is_behind = true end
    identity = epoch .. '${FORMAT}' .. server
    call('SET', P .. ':server', server .. ' ' .. run)
  end
  if is_behind then
    head = math.max(head, A[2] == epoch and seen or 0) + ${JUMP} + tonumber(sub(server, 1, 8), 16)
    floor, newest = head, head
  end
  ${SAVE}
end
`;

/** Asked before anything is stored: followers would not hear of what is stored and not published. */
export const MAY_PUBLISH: string = `
if not redis.acl_check_cmd('SPUBLISH', P .. ':all', '') then
  return redis.error_reply('NOPERM SPUBLISH: the user may not publish to ' .. P .. ':all')
end
`;

/**
 * A key of the log was evicted, or removed by hand. What remembered that a topic lost something is gone: a reader that stands before the
 * newest loss may have lost it.
 */
export const KEEP_LOSSES: string = `if newest > floor and call('EXISTS', L) == 0 then floor = newest end`;

/** What a topic had before this step is gone. */
export const LOSE_TOPIC: string = `${KEEP_LOSSES}
newest = math.max(newest, before)
if type(try('ZADD', L, 'GT', format('%d', before), topic)) == 'table' then floor = newest end`;

/** Lua writes large numbers with an exponent by itself. */
export const TEXT: string = `local function text(n) return format('%d', n) end`;
