/** Discarding: what goes, and what is remembered of it. */

/** An entry: time, topic, size of its body. */
export const ENTRY: string = `
local function at_of(frame) return (unpack_('>d', frame, 9)) end
local function topic_of(frame)
  local topic, _, size = unpack_('>I2I2I4', frame, 17)
  return sub(frame, 25, 24 + topic), size
end
`;

/** Notes that an entry is lost; and tells the sorted set, which remembers so many topics. */
export const LOSE: string = `
local lost, any_lost = {}, false
local function lose(topic, offset, size)
  if offset > (lost[topic] or 0) then lost[topic] = offset end
  if offset > newest then newest = offset end
  bytes = bytes - size
  any_lost = true
end
local function tell_lost(most)
  if not any_lost then return end
  local pairs_, n = {}, 0
  for topic, offset in pairs(lost) do
    pairs_[n + 1], pairs_[n + 2] = text(offset), topic
    n = n + 2
    if n >= 1000 then call('ZADD', L, 'GT', unpack(pairs_)) pairs_, n = {}, 0 end
  end
  if n > 0 then call('ZADD', L, 'GT', unpack(pairs_)) end
  local excess = call('ZCARD', L) - most
  if excess <= 0 then return end
  local last = call('ZRANGE', L, excess - 1, excess - 1, 'WITHSCORES')
  floor = math.max(floor, tonumber(last[2]))
  call('ZREMRANGEBYRANK', L, 0, excess - 1)
end
`;

/** Discards what the bounds of the whole log no longer cover, oldest first. Returns how far, when there may be more. */
export const TRIM: string = `
local function trim(messages, max_bytes, age, most)
  local n, up_to, from, done = call('XLEN', S), 0, '-', false
  while most > 0 and not done do
    local count = math.min(most, 64, math.max(1, n - messages))
    local batch = call('XRANGE', S, from, '+', 'COUNT', count)
    done = #batch == 0
    for i = 1, #batch do
      local frame = batch[i][2][2]
      if n <= messages and bytes <= max_bytes and at - at_of(frame) <= age then done = true break end
      local topic, size = topic_of(frame)
      up_to = unpack_('>d', frame)
      lose(topic, up_to, size)
      n, most = n - 1, most - 1
    end
    if n <= messages and bytes <= max_bytes and age > 9e15 then done = true end
    from = '(' .. text(up_to) .. '-0'
  end
  if up_to > 0 then
    call('XTRIM', S, 'MINID', text(up_to + 1) .. '-0')
    min = up_to + 1
  end
  return not done and up_to or 0
end
`;
