/** The steps that read: topics by name, and everything in order. */
import { ENTRY, LOSE, TRIM } from "./retention.ts";
import { LOAD, SAVE, STATE, TEXT } from "./state.ts";
import { FIND, RECORD } from "./topic-index.ts";

const BEGIN = `${STATE}${TEXT}
${LOAD}
local at_arg = 4
local function arg() at_arg = at_arg + 1 return A[at_arg] end
local function num() return tonumber(arg()) end
${ENTRY}${LOSE}${TRIM}
local function expire()
  local messages, max_bytes, age, most_lost = num(), num(), num(), num()
  local more = trim(messages, max_bytes, age, 1000)
  if any_lost then
    tell_lost(most_lost)
    ${SAVE}
  end
  return more
end
`;

export const READ: string = `${BEGIN}${RECORD}${FIND}
local function bound() local b = arg() return b == '' and math.huge or tonumber(b) end
local function entry(offset)
  local id = text(offset) .. '-0'
  local e = call('XRANGE', S, id, id)[1]
  return e and e[2][2]
end
local after, max_messages, max_bytes = num(), num(), num()
local gone = expire()
local most = math.min(max_messages, 256) + 1
local all, horizon, through = {}, math.huge, nil
local loss, age = math.max(floor, gone), {}
local from = math.max(after, min - 1)
for _ = 1, num() do
  local topic = arg()
  age[topic] = bound()
  loss = math.max(loss, tonumber(call('ZSCORE', L, topic) or 0))
  local key = T .. topic
  local n = call('STRLEN', key) / 12
  -- Readers are mostly near the end.
  local start = math.max(0, n - 64)
  if start > 0 and record(call('GETRANGE', key, start * 12, start * 12 + 11), 0) > from then start = find(key, start, from) end
  local index = n > 0 and call('GETRANGE', key, start * 12, (start + most + 64) * 12 - 1) or ''
  local taken = 0
  for i = 0, #index / 12 - 1 do
    local offset = record(index, i)
    if offset > from and taken < most then
      taken = taken + 1
      all[#all + 1] = offset
    end
  end
  if taken == most then horizon = math.min(horizon, all[#all]) end
end
table.sort(all)
local page, n, size, last = {}, 0, 0, after
for _, offset in ipairs(all) do
  if offset > horizon then through = last break end
  local frame = entry(offset)
  if frame then
    local topic, length = topic_of(frame)
    if at - at_of(frame) > age[topic] then
      loss = math.max(loss, offset)
    else
      size = size + length
      if n >= max_messages or (n > 0 and size > max_bytes) then through = last break end
      n = n + 1
      page[n] = frame
    end
  end
  last = offset
end
if not through and horizon < math.huge then through = last end
return { epoch or '', head, text(at), through or math.max(head, after), loss, page }
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
local from = '(' .. text(after) .. '-0'
while not through do
  local batch = call('XRANGE', S, from, '+', 'COUNT', 16)
  if #batch == 0 then through = math.max(head, after) end
  for i = 1, #batch do
    if size > max_bytes or most == 0 then through = last break end
    local frame = batch[i][2][2]
    local topic, length = topic_of(frame)
    last, most = unpack_('>d', frame), most - 1
    if candidate(topic) then
      size = size + length
      page[#page + 1] = frame
    end
  end
  from = '(' .. text(last) .. '-0'
end
local losses = {}
if newest > after then
  local found = call('ZREVRANGEBYSCORE', L, '+inf', '(' .. text(after), 'WITHSCORES', 'LIMIT', 0, 2000)
  for i = 1, #found, 2 do
    if candidate(found[i]) or i + 2 > 4000 then
      losses[#losses + 1] = found[i + 1]
      losses[#losses + 1] = found[i]
    end
  end
end
return { epoch or '', head, text(at), through, math.max(floor, gone), page, losses }
`;
