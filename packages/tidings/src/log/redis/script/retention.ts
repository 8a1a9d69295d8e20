/** Discarding: what goes, and what is remembered of it. */

/**
 * Entries of a block. `entry_at` gives one as readers get it, its topic, the size of its body, its time and how many bytes of
 * frames the block has besides; nothing where it was discarded.
 */
export const ENTRY: string = `
local block_first, block
local function entry_at(offset, distance)
  local first = offset - distance
  if first ~= block_first then
    local id = text(first) .. '-0'
    local found = call('XRANGE', S, id, id)[1]
    block_first, block = first, found and found[2]
  end
  if not block or offset < min then return end
  local frames, from = block[2], 1
  local a, b, c = unpack_('>I2I2I4', frames, 1)
  for _ = 1, distance do
    from = from + 8 + a + b + c
    a, b, c = unpack_('>I2I2I4', frames, from)
  end
  local _, time = unpack_('>dd', block[1])
  local till = from + 7 + a + b + c
  return pack('>dd', offset, time) .. sub(frames, from, till), sub(frames, from + 8, from + 7 + a), c, time, #frames - (till - from + 1)
end
`;

/**
 * Notes that an entry is lost; and tells the sorted set, which remembers so many topics. A topic that has lost everything has no
 * index any more: it does not expire, since a clock of Redis that is set ahead would remove one whose entries are retained.
 */
export const LOSE: string = `
local lost, any_lost, lost_before = {}, false, newest
local function lose(topic, offset, size)
  if offset > (lost[topic] or 0) then lost[topic] = offset end
  if offset > newest then newest = offset end
  bytes = bytes - size
  any_lost = true
end
local function remember(pairs_)
  -- The key holds something else: every reader that may have lost something gets a gap.
  if type(try('ZADD', L, 'GT', unpack(pairs_))) == 'table' then floor = newest end
end
local function tell_lost(most)
  if not any_lost then return end
  if lost_before > floor and call('EXISTS', L) == 0 then floor = lost_before end
  local pairs_, n = {}, 0
  for topic, offset in pairs(lost) do
    -- As text: Redis takes long to write a number of Lua.
    pairs_[n + 1], pairs_[n + 2] = text(offset), topic
    n = n + 2
    local last = call('GETRANGE', T .. topic, '-12', '-1')
    if last == '' or unpack_('>I6', last) <= offset then call('DEL', T .. topic) call('SREM', X, topic) end
    if n >= 1000 then remember(pairs_) pairs_, n = {}, 0 end
  end
  if n > 0 then remember(pairs_) end
  local remembered = try('ZCARD', L)
  local excess = type(remembered) == 'number' and remembered - most or 0
  if excess <= 0 then return end
  local last = call('ZRANGE', L, excess - 1, excess - 1, 'WITHSCORES')
  floor = math.max(floor, tonumber(last[2]))
  call('ZREMRANGEBYRANK', L, 0, excess - 1)
end
`;

/**
 * Discards what the bounds of the whole log no longer cover, oldest first. A block that is left in part stays in the stream: what
 * is before `min` in it is gone. Returns how far, when there may be more.
 */
export const TRIM: string = `
local function trim(messages, max_bytes, age, most)
  local up_to, from, rest, done = 0, '-', nil, false
  local function is_within(time) return count <= messages and bytes <= max_bytes and at - time <= age end
  while most > 0 and not done do
    if is_within(oldest) then done = true break end
    local batch = call('XRANGE', S, from, '+', 'COUNT', math.min(most, 32))
    if #batch == 0 then done = true oldest = at end
    for i = 1, #batch do
      local frames = batch[i][2][2]
      local offset, time = unpack_('>dd', batch[i][2][1])
      local first, at_byte = offset, 1
      while at_byte <= #frames do
        local a, b, c = unpack_('>I2I2I4', frames, at_byte)
        if offset >= min then
          oldest = time
          if is_within(time) then done = true end
          if done or most == 0 then rest = first break end
          lose(sub(frames, at_byte + 8, at_byte + 7 + a), offset, c)
          count, most, up_to = count - 1, most - 1, offset
        end
        at_byte, offset = at_byte + 8 + a + b + c, offset + 1
      end
      if rest then break end
      from = '(' .. text(first) .. '-0'
    end
  end
  if up_to > 0 then
    min = up_to + 1
    call('XTRIM', S, 'MINID', text(rest or min) .. '-0')
  end
  return not done and up_to or 0
end
`;
