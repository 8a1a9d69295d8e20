/** Where the log is: steps that read no entries. */
import { MEND } from "./mend.ts";
import { ENSURE, FENCE, KEPT_MS, LOAD, MAY_PUBLISH, STATE, TEXT, WRITABLE } from "./state.ts";

/**
 * Whether the user may run all that the steps do. One that fails in the middle would leave a log to which nothing can be appended, and one
 * that may not run what tells whether Redis takes writes would never fence. Nothing else has this key, and nobody this channel.
 */
const RIGHTS = `
local K = P .. ':rights'
for _, command in ipairs({
  { 'DEL', K }, { 'GET', K }, { 'GETRANGE', K, 0, 0 }, { 'MGET', K }, { 'PERSIST', K }, { 'STRLEN', K },
  { 'PUBSUB', 'SHARDNUMSUB', P .. ':all' }, { 'SPUBLISH', P .. ':c:', '' },
  { 'XADD', K, 'NOMKSTREAM', '1-0', 'a', '' }, { 'XDEL', K, '1-0' }, { 'XTRIM', K, 'MINID', '1-0' },
  { 'XRANGE', K, '-', '+', 'COUNT', 1 }, { 'XREVRANGE', K, '+', '-', 'COUNT', 1 },
  { 'ZADD', K, 'XX', 0, 'a' }, { 'ZCARD', K }, { 'ZSCORE', K, 'a' }, { 'ZRANGE', K, 0, 0 },
  { 'ZREVRANGEBYSCORE', K, 0, 0 }, { 'ZREMRANGEBYRANK', K, 0, 0 },
  { 'EXISTS', K }, { 'SADD', K, 'a' }, { 'SCARD', K }, { 'SISMEMBER', K, 'a' }, { 'SREM', K, 'a' },
  { 'SET', K, '', 'PX', 1000 }, { 'APPEND', K, '' }, { 'SETRANGE', K, 0, '' }, { 'DEL', K },
}) do
  local reply = try(unpack(command))
  -- Others say that nothing can be written now.
  if type(reply) == 'table' and reply.err and (string.find(reply.err, '^%-?ERR') or string.find(reply.err, '^%-?NOPERM')) then
    return redis.error_reply('NOPERM ' .. command[1] .. ': ' .. reply.err)
  end
end
${MAY_PUBLISH}
`;

/** Before anybody appends: who opens, or looks how far the log has come, has the time. */
const NOTICE = `
local top = try('XREVRANGE', S, '+', '-', 'COUNT', 1)[1]
if top and tonumber(string.match(top[1], '^%d+')) > head and ${WRITABLE} then
  ${MEND}
end
`;

/** Arguments: the process, whose last append is known from then on, though there is none yet. */
export const OPEN: string = `${STATE}${TEXT}
${RIGHTS}
${LOAD}
${ENSURE}
${FENCE}
${NOTICE}
local told = try('SET', P .. ':p:' .. A[4], pack('>dddddd', 0, at, 0, 0, 0, 0) .. epoch, 'PX', '${KEPT_MS}')
local time = call('TIME')
local policy = string.match(call('INFO', 'memory'), 'maxmemory_policy:([%w-]+)')
return { epoch, head, text(at), text(time[1] * 1000 + math.floor(time[2] / 1000)), policy or '', told.ok and 1 or 0 }
`;

/** And the time of the server. */
export const HEAD: string = `${STATE}${TEXT}
${LOAD}
${ENSURE}
${FENCE}
${NOTICE}
local time = call('TIME')
return { epoch, head, text(at), floor, text(time[1] * 1000 + math.floor(time[2] / 1000)) }
`;

export const STATS: string = `${STATE}${TEXT}
${LOAD}
${ENSURE}
${FENCE}
local first = call('XRANGE', S, '-', '+', 'COUNT', 1)[1]
local oldest_offset = first and math.max(min, tonumber(string.match(first[1], '^%d+'))) or 0
return { epoch, head, text(at), oldest_offset, count, bytes }
`;
