/** The steps that read: topics by name, and everything in order. */
import { ENTRY, LOSE, TRIM } from "./retention.ts";
import { ENSURE, FENCE, KEEP_LOSSES, LOAD, SAVE, STATE, TEXT, WRITABLE } from "./state.ts";
import { FIND, RECORD } from "./topic-index.ts";

const BEGIN = `${STATE}${TEXT}
${LOAD}
${ENSURE}
${FENCE}
local at_arg = 3
local function arg() at_arg = at_arg + 1 return A[at_arg] end
local function num() return tonumber(arg()) end
${ENTRY}${LOSE}${TRIM}
local function expire()
  local messages, max_bytes, age, most_lost = num(), num(), num(), num()
  local is_over = count > messages or bytes > max_bytes or at - oldest > age
  if not is_over or not (${WRITABLE}) then return 0 end
  local more = trim(messages, max_bytes, age, 1000)
  if any_lost then
    tell_lost(most_lost)
    ${SAVE}
  end
  return more
end
`;

/** Makes room where Redis is full. */
export const EXPIRE: string = `${BEGIN}
expire()
return { epoch, head, text(at), any_lost and 1 or 0 }
`;

export const READ: string = `${BEGIN}${RECORD}${FIND}
local function bound() local b = arg() return b == '' and math.huge or tonumber(b) end
local after, max_messages, max_bytes = num(), num(), num()
local gone = expire()
local most = math.min(max_messages, 256) + 1
local all, distances, horizon, through = {}, {}, math.huge, nil
local loss, age = math.max(floor, gone), {}
local unknown, unlisted, removed = false, false, {}
local from = math.max(after, min - 1)
for _ = 1, num() do
  local topic = arg()
  age[topic] = bound()
  local known_loss = call('ZSCORE', L, topic)
  if known_loss then loss = math.max(loss, tonumber(known_loss)) else unlisted = true end
  local key, known = T .. topic, call('SISMEMBER', X, topic) == 1
  local n = known and call('STRLEN', key) / 12 or 0
  -- What somebody wrote there is no index.
  if n % 1 > 0 then n = 0 end
  if not known then unknown = true elseif n == 0 then removed[#removed + 1] = topic end
  -- Readers are mostly near the end.
  local start = math.max(0, n - 64)
  if start > 0 and record(call('GETRANGE', key, start * 12, start * 12 + 11), 0) > from then start = find(key, start, from) end
  local index = n > 0 and call('GETRANGE', key, start * 12, (start + most + 64) * 12 - 1) or ''
  local taken = 0
  for i = 0, #index / 12 - 1 do
    local offset, _, distance = record(index, i)
    if offset > from and offset <= head and taken < most then
      taken = taken + 1
      all[#all + 1] = offset
      distances[offset] = distance
    end
  end
  if taken == most then horizon = math.min(horizon, all[#all]) end
end
-- Keys of the log that were evicted, or removed by hand.
if unknown and count > 0 and call('EXISTS', X) == 0 then loss = math.max(loss, head) end
if #removed > 0 then
  loss = math.max(loss, head)
  -- Those who stand there later have lost nothing more.
  if ${WRITABLE} then
    ${KEEP_LOSSES}
    for _, topic in ipairs(removed) do
      if type(try('ZADD', L, 'GT', text(head), topic)) == 'number' then
        newest = head
        call('SREM', X, topic)
      end
    end
    ${SAVE}
  end
end
if unlisted and newest > math.max(floor, after) and call('EXISTS', L) == 0 then loss = math.max(loss, newest) end
table.sort(all)
local page, n, size, last = {}, 0, 0, after
for _, offset in ipairs(all) do
  if offset > horizon then through = last break end
  local frame, topic, length, time = entry_at(offset, distances[offset])
  if frame then
    if at - time > age[topic] then
      loss = math.max(loss, offset)
    else
      size = size + length
      if n >= max_messages or (n > 0 and size > max_bytes) then through = last break end
      n = n + 1
      page[n] = frame
    end
  else
    loss = math.max(loss, offset)
  end
  last = offset
end
if not through and horizon < math.huge then through = last end
return { epoch, head, text(at), through or math.max(head, after), loss, page }
`;

export const WALK: string = `${BEGIN}
local after, max_bytes, most = num(), num(), num()
local gone = expire()
local names, prefixes = {}, {}
for _ = 1, num() do names[arg()] = true end
for i = 1, num() do prefixes[i] = arg() end
local function candidate(topic)
  if names[topic] then return true end
  for _, p in ipairs(prefixes) do if sub(topic, 1, #p) == p then return true end end
  return false
end
local page, size, last, through = {}, 0, after, nil
local loss = math.max(floor, gone)
local begun = call('XREVRANGE', S, text(after + 1) .. '-0', '-', 'COUNT', 1)[1]
local from = begun and begun[1] or '-'
while not through do
  local batch = call('XRANGE', S, from, '+', 'COUNT', 16)
  if #batch == 0 then
    through = math.max(head, after)
    -- They were evicted, or removed by hand.
    if from == '-' and count > 0 then loss = head end
  end
  for i = 1, #batch do
    local frames = batch[i][2][2]
    local offset, time = unpack_('>dd', batch[i][2][1])
    local at_byte = 1
    while at_byte <= #frames and not through do
      local a, b, c = unpack_('>I2I2I4', frames, at_byte)
      local till = at_byte + 7 + a + b + c
      if offset > after and offset >= min and offset <= head then
        if size > max_bytes or most == 0 then through = last break end
        last, most = offset, most - 1
        if candidate(sub(frames, at_byte + 8, at_byte + 7 + a)) then
          size = size + c
          page[#page + 1] = pack('>dd', offset, time) .. sub(frames, at_byte, till)
        end
      end
      at_byte, offset = till + 1, offset + 1
    end
    if through then break end
    from = '(' .. batch[i][1]
  end
end
local losses = {}
if newest > after then
  local found = call('ZREVRANGEBYSCORE', L, '+inf', '(' .. text(after), 'WITHSCORES', 'LIMIT', 0, 2000)
  if #found == 0 and newest > floor then loss = math.max(loss, newest) end
  for i = 1, #found, 2 do
    if candidate(found[i]) or i + 2 > 4000 then
      losses[#losses + 1] = found[i + 1]
      losses[#losses + 1] = found[i]
    end
  end
end
return { epoch, head, text(at), through, loss, page, losses }
`;
