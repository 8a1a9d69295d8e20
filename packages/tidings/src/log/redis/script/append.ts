/**
 * The step that appends a group. Its usual run, a message or a few within all bounds, is what Redis does most of the time: it
 * makes no function, as few commands as there can be, and few strings: Lua looks each one up, and Redis copies it.
 */
import { ENTRY, LOSE, TRIM } from "./retention.ts";
import { ENSURE, FENCE, LOAD_WITH_TOKEN, SAVE, STATE, TEXT } from "./state.ts";
import { ADD_BOUNDED, CLEAN, FIND, RECORD } from "./topic-index.ts";

/**
 * Arguments: the process; as doubles: its number for the group, how long a key is remembered, how many losing topics
 * are remembered, the bounds of the log: messages, bytes, age; then the number of parts, and for each its key, its number of
 * messages and bytes, and their frames behind each other; then the topics with bounds.
 */
export const APPEND: string = `${STATE}
local seq, key_age, most_lost, messages, max_bytes, age = unpack_('>dddddd', A[6])
local token = P .. ':p:' .. A[5]
${LOAD_WITH_TOKEN}
if known and epoch then
  local last = unpack_('>d', known)
  if last >= seq then
    local reply = cmsgpack.unpack(sub(known, 9))
    if reply[1] == epoch then
      if last == seq then return reply end
      return redis.error_reply('STALE it was given up')
    end
  end
end
${ENSURE}
local before = head
${FENCE}
local reply = { epoch, before, 0, format('%d', at) }
local n, topics, indexes, sizes = 0, {}, {}, {}
local bounded_at = 8 + 4 * tonumber(A[7])
local bounded, own = tonumber(A[bounded_at]), nil
if bounded > 0 then
  own = {}
  for b = 1, bounded do
    local function bound(k) return A[k] == '' and math.huge or tonumber(A[k]) end
    local o = bounded_at + b * 4 - 3
    own[A[o]] = { bound(o + 1), bound(o + 2), bound(o + 3) }
  end
end
if count == 0 then oldest = at end
-- What is published: to all, and of each topic what stands together. A channel, an offset, and a piece of packed frames for each.
local channels, firsts, froms, tills, packs, published = {}, {}, {}, {}, {}, 0
local i, r = 8, 4
for _ = 1, tonumber(A[7]) do
  local key, more = A[i], tonumber(A[i + 1])
  local first, last, repeated = head + 1, head + more, 0
  local key_name = key ~= '' and P .. ':k:' .. redis.sha1hex(key)
  local earlier = key_name and call('GET', key_name)
  if earlier then
    first, last = string.match(earlier, '^(%d+) (%d+)$')
    first, last, repeated = tonumber(first), tonumber(last), 1
  else
    bytes = bytes + tonumber(A[i + 2])
    local packed, from = A[i + 3], 1
    -- To all first: who follows that and a topic takes what is newer than what came.
    published = published + 1
    channels[published], firsts[published], froms[published], tills[published] = P .. ':all', first, 1, -1
    packs[published] = packed
    -- Where the block begins that is under way, and the topic of the run that is.
    local block_from, block_first, run_topic = 1, first, nil
    for offset = first, last do
      local a, b, c = unpack_('>I2I2I4', packed, from)
      local topic, till = sub(packed, from + 8, from + 7 + a), from + 8 + a + b + c
      if topic ~= run_topic then
        if run_topic then tills[published] = from - 1 end
        run_topic, published = topic, published + 1
        channels[published], firsts[published], froms[published] = P .. ':c:' .. topic, offset, from
        packs[published] = packed
      end
      -- What has bounds of its own is discarded alone, and so stands alone.
      local is_alone = own and own[topic]
      if offset > block_first and (is_alone or offset - block_first == 16 or till - block_from > 4096) then
        call('XADD', S, format('%d-0', block_first), pack('>dd', block_first, at), sub(packed, block_from, from - 1))
        block_from, block_first = from, offset
      end
      local index = indexes[topic]
      if not index then topics[#topics + 1] = topic end
      if is_alone then
        local added = index or {}
        added[#added + 1] = offset
        indexes[topic] = added
        sizes[offset] = c
      else
        indexes[topic] = (index or '') .. pack('>I6I5B', offset, 0, offset - block_first)
      end
      if offset == last or is_alone then
        call('XADD', S, format('%d-0', block_first), pack('>dd', block_first, at), sub(packed, block_from, till - 1))
        block_from, block_first = till, offset + 1
      end
      from = till
    end
    tills[published] = -1
    head, n, count = last, n + more, count + more
    if key_name then call('SET', key_name, format('%d %d', first, last), 'PX', key_age) end
  end
  i = i + 4
  reply[r + 1], reply[r + 2], reply[r + 3] = first, last, repeated
  r = r + 3
end
reply[3] = head

-- What a log of some size has too much goes many at a time; what is too old waits for one append in sixteen, or for the next read.
local slack = messages >= 4096 and 256 or messages >= 1024 and 64 or 0
local slack_bytes = max_bytes >= 1048576 and 16384 or 0
local is_over = bytes > max_bytes + slack_bytes or count > messages + slack
local look = is_over or at - oldest > age and head % 16 < n
local add, trim_, tell
if look or own then
  ${TEXT}${ENTRY}${LOSE}${TRIM}
  trim_, tell = trim, tell_lost
  if own then
    ${RECORD}${ADD_BOUNDED}
    add = add_bounded
  end
end
for t = 1, #topics do
  local topic = topics[t]
  local index, key, bounds = indexes[topic], T .. topic, own and own[topic]
  if bounds then
    add(key, topic, index, sizes, bounds[1], bounds[2], bounds[3])
  else
    local length = call('APPEND', key, index)
    if length > 1024 and length % 1024 < #index then
      ${RECORD}${FIND}${CLEAN}
      clean(key, length)
    end
  end
end
if is_over then
  trim_(messages, max_bytes, age, 1000 + n)
elseif look then
  trim_(messages + slack, max_bytes + slack_bytes, age, 1000 + n)
end
if tell then tell(most_lost) end
${SAVE}

-- Who listens to which is asked in one command: where nobody does, that is a tenth of what it costs to publish. Lua has no place
-- for the arguments of very many.
local listeners = published <= 2000 and call('PUBSUB', 'SHARDNUMSUB', unpack(channels))
local intro = pack('>Bd', #epoch, floor)
for p = 1, published do
  if not listeners or listeners[p * 2] > 0 then
    call('SPUBLISH', channels[p], intro .. pack('>dd', firsts[p], at) .. epoch .. sub(packs[p], froms[p], tills[p]))
  end
end
call('SET', token, pack('>d', seq) .. cmsgpack.pack(reply), 'PX', '21600000')
return reply
`;
