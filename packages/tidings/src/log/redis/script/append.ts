/**
 * The step that appends a group. Its usual run, a message or a few within all bounds, is what Redis does most of the time: it
 * makes no function, as few commands as there can be, and few strings: Lua looks each one up, and Redis copies it.
 */
import { MEND, UNDO } from "./mend.ts";
import { ENTRY, LOSE, TRIM } from "./retention.ts";
import {
  ENSURE,
  FENCE,
  KEPT_MS,
  LOAD_WITH_TOKEN,
  LOSE_TOPIC,
  MAY_PUBLISH,
  SAVE_AGAIN,
  STATE,
  TEXT,
} from "./state.ts";
import { ADD_BOUNDED, CLEAN, FIND, RECORD } from "./topic-index.ts";

const RENEWED_MS = 3_600_000;

/**
 * Arguments: the process; as doubles: its number for the group, how long a key is remembered, how many losing topics
 * are remembered, the bounds of the log: messages, bytes, age, the number of topics with bounds and that of parts; then those topics;
 * then for each part its key, what is in it, and its blocks (`encodeBlocks`, frames.ts). Behind them `known`, where Redis
 * was told of the process.
 */
export const APPEND: string = `${STATE}
local seq, key_age, most_lost, messages, max_bytes, age, bounded, parts = unpack_('>dddddddd', A[5])
local token, C, byte = P .. ':p:' .. A[4], P .. ':c:', string.byte
${LOAD_WITH_TOKEN}
local kept_since
if known and epoch then
  local last, since, more, before, newest_then, at_then = unpack_('>dddddd', known)
  kept_since = since
  if last >= seq and sub(known, 49 + more * 24) == epoch then
    if last > seq then return redis.error_reply('STALE it was given up') end
    local reply = { epoch, before, newest_then, format('%d', at_then), unpack_('>' .. string.rep('ddd', more), known, 49) }
    -- Where it stopped to unpack.
    reply[#reply] = nil
    return reply
  end
end
${MAY_PUBLISH}
${ENSURE}
local before = head
${FENCE}
-- Its key was evicted, or removed by hand: clients send again by themselves what they had no answer to. A server that took over since the
-- process heard of Redis may know nothing of it.
if A[#A] == 'known' and not kept_since and A[2] == epoch and floor <= seen then
  return redis.error_reply('FORGOTTEN ' .. token .. ' was removed, so it is unknown whether this was appended before')
end
local had = count > 0
local reply = { epoch, before, 0, format('%d', at), 0, 0, 0 }
local own, added, sizes
if bounded > 0 then
  own, added, sizes = {}, {}, {}
  for b = 1, bounded do
    local function bound(k) return A[k] == '' and math.huge or tonumber(A[k]) end
    local o = 2 + b * 4
    own[A[o]] = { bound(o + 1), bound(o + 2), bound(o + 3) }
    for key, kind in pairs({ [T .. A[o]] = 'string', [X] = 'set' }) do
      local found = call('TYPE', key).ok
      if found ~= kind and found ~= 'none' then
        return redis.error_reply('UNDONE nothing was appended: WRONGTYPE of ' .. key)
      end
    end
  end
end
if count == 0 then oldest = at end
-- The channels: that of all messages, and one for each topic.
local channels, n_channels, n = { P .. ':all', nil }, 1, 0
local i, r = 6 + 4 * bounded, 4
for _ = 1, parts do
  local key, about = A[i], A[i + 1]
  local more, blocks, named, size, from = unpack_('>I4I4I4d', about)
  local first, last, repeated = head + 1, head + more, 0
  local key_name = key ~= '' and P .. ':k:' .. redis.sha1hex(key)
  local earlier, refused = key_name and try('GET', key_name), nil
  if type(earlier) == 'table' then
    refused = earlier.err .. ', ' .. key_name
  elseif earlier then
    local a, b, of = string.match(earlier, '^(%d+) (%d+) (.*)$')
    -- What a log had that is no more was lost with it.
    if of == epoch then first, last, repeated = tonumber(a), tonumber(b), 1 end
  end
  if repeated == 0 and not refused then
    bytes = bytes + size
    local offset = first
    for b = 1, blocks do
      local frames, held = A[i + 1 + b], 1
      if more > 1 then held, from = byte(about, from), from + 1 end
      local stored = try('XADD', S, 'NOMKSTREAM', format('%d-0', offset), pack('>dd', offset, at), frames)
      if type(stored) == 'table' and stored.err then
        -- The first of the step: nothing was stored.
        if not string.find(stored.err, 'equal or smaller', 1, true) then return stored end
        bytes = bytes - size
        ${MEND}
        bytes = bytes + size
        first, last, offset = head + 1, head + more, head + 1
        call('XADD', S, format('%d-0', offset), pack('>dd', offset, at), frames)
      elseif not stored then
        -- The first of all; or what was there is gone.
        if had then floor, newest, min, count, bytes, oldest = head, head, head + 1, 0, size, at end
        call('XADD', S, format('%d-0', offset), pack('>dd', offset, at), frames)
      end
      -- What has bounds of its own stands alone.
      if own and held == 1 then
        local _, _, c = unpack_('>I2I2I4', frames)
        sizes[offset] = c
      end
      offset = offset + held
    end
    for _ = 1, named do
      local topic, place, distance, others
      topic, place, distance, others, from = unpack_('>I2c0I4BI4', about, from)
      n_channels = n_channels + 1
      channels[n_channels] = C .. topic
      if own and own[topic] then
        local offsets = added[topic] or {}
        offsets[#offsets + 1] = first + place
        for _ = 1, others do
          place, distance, from = unpack_('>I4B', about, from)
          offsets[#offsets + 1] = first + place
        end
        added[topic] = offsets
      else
        local index, key_ = pack('>I6I5B', first + place, 0, distance), T .. topic
        if others > 0 then
          local all = { index }
          for o = 1, others do
            place, distance, from = unpack_('>I4B', about, from)
            all[o + 1] = pack('>I6I5B', first + place, 0, distance)
          end
          index = table.concat(all)
        end
        local is_new = try('SADD', X, topic)
        local length = type(is_new) == 'number' and try('APPEND', key_, index) or is_new
        if type(length) == 'table' then
          refused = length.err .. ', ' .. key_
          break
        end
        is_new = is_new == 1
        if is_new ~= (length == #index) or length % 12 > 0 then
          if length > #index then call('SET', key_, index) end
          ${LOSE_TOPIC}
        end
        -- Nobody knows which topics there were.
        if is_new and had and call('SCARD', X) == 1 then floor, newest = before, math.max(newest, before) end
        if length > 1024 and length % 1024 < #index then
          ${RECORD}${FIND}${CLEAN}
          clean(key_, length)
        end
      end
    end
    if not refused then head, n, count = last, n + more, count + more end
    if key_name and not refused then call('SET', key_name, format('%d %d %s', first, last, epoch), 'PX', key_age) end
  end
  if refused then
    ${UNDO}
  end
  i = i + 2 + blocks
  reply[r + 1], reply[r + 2], reply[r + 3] = first, last, repeated
  r = r + 3
end
reply[3] = head

-- What a log of some size has too much goes many at a time; what is too old waits for one append in sixteen, or for the next read.
local slack = messages >= 1024 and math.min(512, math.floor(messages / 16)) or 0
local slack_bytes = max_bytes >= 1048576 and 16384 or 0
local is_over = bytes > max_bytes + slack_bytes or count > messages + slack
local look = is_over or at - oldest > age and head % 16 < n
if look or own then
  ${TEXT}${ENTRY}${LOSE}${TRIM}
  if own then
    local function miss_topics()
      if had and call('SCARD', X) == 1 then floor, newest = before, math.max(newest, before) end
    end
    ${RECORD}${ADD_BOUNDED}
    for topic, offsets in pairs(added) do
      local bounds = own[topic]
      add_bounded(T .. topic, topic, offsets, sizes, bounds[1], bounds[2], bounds[3])
    end
  end
  if is_over then
    trim(messages, max_bytes, age, 1000 + n)
  elseif look then
    trim(messages + slack, max_bytes + slack_bytes, age, 1000 + n)
  end
  tell_lost(most_lost)
end
${SAVE_AGAIN}

-- Who listens to which is asked in one command: where nobody does, that is a tenth of what it costs to publish. Lua has no place
-- for the arguments of very many. Where it may not be asked, all hear of it.
local listeners = n_channels <= 2000 and try('PUBSUB', 'SHARDNUMSUB', unpack(channels))
if listeners and listeners.err then listeners = false end
local heard
local by_topic = false
for c = 1, n_channels do
  if not listeners or listeners[c * 2] > 0 then
    heard = heard or {}
    heard[channels[c]] = true
    by_topic = by_topic or c > 1
  end
end
if heard then
  local intro, is_unheard = pack('>Bd', #epoch, floor), false
  i, r = 6 + 4 * bounded, 5
  for _ = 1, parts do
    local more, blocks = unpack_('>I4I4', A[i + 1])
    if reply[r + 2] == 0 then
      local packed, first = A[i + 2], reply[r]
      if blocks > 1 then packed = table.concat(A, '', i + 2, i + 1 + blocks) end
      -- To all first: who follows that and a topic takes what is newer than what came.
      if heard[channels[1]] then
        local told = try('SPUBLISH', channels[1], intro .. pack('>dd', first, at) .. epoch .. packed)
        is_unheard = is_unheard or type(told) == 'table'
      end
      if by_topic then
        -- Of each topic what stands together: where that begins.
        local run, run_first, run_from, from = nil, 0, 1, 1
        for offset = first, first + more do
          local channel, till = nil, from
          if from <= #packed then
            local a, b, c = unpack_('>I2I2I4', packed, from)
            channel, till = C .. sub(packed, from + 8, from + 7 + a), from + 8 + a + b + c
          end
          if channel ~= run then
            if heard[run] then
              local told = try('SPUBLISH', run, intro .. pack('>dd', run_first, at) .. epoch .. sub(packed, run_from, from - 1))
              is_unheard = is_unheard or type(told) == 'table'
            end
            run, run_first, run_from = channel, offset, from
          end
          from = till
        end
      end
    end
    i, r = i + 2 + blocks, r + 3
  end
  -- The user may not publish to that channel: who follows it gets a gap.
  if is_unheard then
    floor, newest = head, head
    ${SAVE_AGAIN}
  end
end
-- To say how long a key is kept takes Redis as long as to write it: once in an hour.
local is_kept = kept_since and at - kept_since < ${RENEWED_MS}
local known_next = pack('>dddddd', seq, is_kept and kept_since or at, parts, before, head, at)
  .. pack('>' .. string.rep('ddd', parts), unpack(reply, 5)) .. epoch
if is_kept then call('SET', token, known_next, 'KEEPTTL') else call('SET', token, known_next, 'PX', '${KEPT_MS}') end
return reply
`;
