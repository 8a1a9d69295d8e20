/**
 * The step that appends a group. Its usual run, a message or a few within all bounds, is what Redis does most of the time: it
 * makes no function, and as few commands as there can be.
 */
import { ENTRY, LOSE, TRIM } from "./retention.ts";
import { ENSURE, FENCE, LOAD_WITH_TOKEN, SAVE, STATE, TEXT } from "./state.ts";
import { ADD_BOUNDED, CLEAN, FIND, RECORD } from "./topic-index.ts";

/**
 * Arguments: the process; as doubles: its number for the group, how long a key is remembered, the lifetime of a topic's index,
 * how many losing topics are remembered, the bounds of the log: messages, bytes, age; then the number of parts, and for each its
 * key, its number of messages and bytes, and their frames behind each other; then the topics with bounds.
 */
export const APPEND: string = `${STATE}
local seq, key_age, lifetime, most_lost, messages, max_bytes, age = unpack_('>ddddddd', A[6])
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
local frames, names, n, topics, indexes = {}, {}, 0, {}, {}
local i, r = 8, 4
for _ = 1, tonumber(A[7]) do
  local key, count = A[i], tonumber(A[i + 1])
  local first, last, repeated = head + 1, head + count, 0
  local key_name = key ~= '' and P .. ':k:' .. redis.sha1hex(key)
  local earlier = key_name and call('GET', key_name)
  if earlier then
    first, last = string.match(earlier, '^(%d+) (%d+)$')
    first, last, repeated = tonumber(first), tonumber(last), 1
  else
    bytes = bytes + tonumber(A[i + 2])
    local packed, from = A[i + 3], 1
    for _ = 1, count do
      local a, b, c = unpack_('>I2I2I4', packed, from)
      local topic, till = sub(packed, from + 8, from + 7 + a), from + 8 + a + b + c
      head = head + 1
      n = n + 1
      local frame = pack('>dd', head, at) .. sub(packed, from, till - 1)
      from = till
      call('XADD', S, format('%d-0', head), 'e', frame)
      local index = indexes[topic]
      if not index then topics[#topics + 1] = topic end
      indexes[topic] = (index or '') .. pack('>I6I6', head, 0)
      frames[n], names[n] = frame, topic
    end
    if key_name then call('SET', key_name, format('%d %d', first, last), 'PX', key_age) end
  end
  i = i + 4
  reply[r + 1], reply[r + 2], reply[r + 3] = first, last, repeated
  r = r + 3
end
reply[3] = head

-- What a log of some size has too much goes many at a time; what is too old waits for one append in sixteen, or for the next read.
local slack, slack_bytes = messages >= 1024 and 64 or 0, max_bytes >= 1048576 and 16384 or 0
local is_over = bytes > max_bytes + slack_bytes
if head - min >= messages + slack then is_over = is_over or call('XLEN', S) > messages + slack end
local look = is_over or head % 16 < n and age < 9e15
local bounded = tonumber(A[i])
local own, add, trim_, tell
if look or bounded > 0 then
  ${TEXT}${ENTRY}${LOSE}${TRIM}
  trim_, tell = trim, tell_lost
  if bounded > 0 then
    ${RECORD}${ADD_BOUNDED}
    own, add = {}, add_bounded
    for b = 1, bounded do
      local function bound(k) return A[k] == '' and math.huge or tonumber(A[k]) end
      local o = i + b * 4 - 3
      own[A[o]] = { bound(o + 1), bound(o + 2), bound(o + 3) }
    end
  end
end
local first_offset = head - n
for t = 1, #topics do
  local topic = topics[t]
  local index, key, bounds = indexes[topic], T .. topic, own and own[topic]
  if bounds then
    local offsets, sizes = {}, {}
    for j = 1, #index / 12 do
      offsets[j] = unpack_('>I6', index, j * 12 - 11)
      local _, _, size = unpack_('>I2I2I4', frames[offsets[j] - first_offset], 17)
      sizes[j] = bounds[2] < math.huge and size or 0
    end
    add(key, topic, offsets, sizes, bounds[1], bounds[2], bounds[3])
    if lifetime > 0 then call('PEXPIRE', key, lifetime) end
  else
    local length = call('APPEND', key, index)
    if lifetime > 0 then call('PEXPIRE', key, lifetime) end
    if length > 1024 and (head + t) % 16 == 0 then
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

local intro = pack('>Bd', #epoch, floor) .. epoch
if n == 1 then
  local payload = intro .. frames[1]
  call('SPUBLISH', P .. ':c:' .. names[1], payload)
  call('SPUBLISH', P .. ':all', payload)
elseif n > 0 then
  local f = 1
  while f <= n do
    local topic, last = names[f], f
    while names[last + 1] == topic do last = last + 1 end
    call('SPUBLISH', P .. ':c:' .. topic, intro .. table.concat(frames, '', f, last))
    f = last + 1
  end
  call('SPUBLISH', P .. ':all', intro .. table.concat(frames))
end
call('SET', token, pack('>d', seq) .. cmsgpack.pack(reply), 'PX', 60000)
return reply
`;
