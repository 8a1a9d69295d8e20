/** Where a topic's entries are: records of 12 bytes in one string. */

export const RECORD: string = `
local function record(index, i) return unpack_('>I6I6', index, i * 12 + 1) end
`;

/** The first record after an offset, of n. */
export const FIND: string = `
local function find(key, n, after)
  local low, high = 0, n
  while low < high do
    local middle = math.floor((low + high) / 2)
    if record(call('GETRANGE', key, middle * 12, middle * 12 + 11), 0) <= after then low = middle + 1 else high = middle end
  end
  return low
end
`;

/** Forgets what the whole log discarded of a topic, where that is most of its index. */
export const CLEAN: string = `
local function clean(key, length)
  local n = length / 12
  if record(call('GETRANGE', key, 0, 11), 0) >= min then return end
  local dead = find(key, n, min - 1)
  if dead * 2 > n then call('SET', key, call('GETRANGE', key, dead * 12, -1), 'KEEPTTL') end
end
`;

/** Adds to a topic with bounds of its own, and discards what they no longer cover. */
export const ADD_BOUNDED: string = `
local function entry(offset)
  local id = text(offset) .. '-0'
  local e = call('XRANGE', S, id, id)[1]
  return e and e[2][2]
end
local function add_bounded(key, topic, added, sizes, messages, max_bytes, age)
  local index = call('GET', key) or ''
  local total = 0
  if #index > 0 then local _, sum = record(index, #index / 12 - 1) total = sum end
  local parts = { index }
  for i = 1, #added do
    total = total + sizes[i]
    parts[i + 1] = pack('>I6I6', added[i], total)
  end
  index = table.concat(parts)
  local n, first = #index / 12, 0
  while first < n and record(index, first) < min do first = first + 1 end
  while first < n do
    local offset, sum = record(index, first)
    local frame = nil
    if n - first <= messages then
      if max_bytes == math.huge and age == math.huge then break end
      frame = entry(offset)
      if frame then
        local _, size = topic_of(frame)
        if total - sum + size <= max_bytes and at - at_of(frame) <= age then break end
      end
    end
    frame = frame or entry(offset)
    if frame then
      local _, size = topic_of(frame)
      call('XDEL', S, text(offset) .. '-0')
      lose(topic, offset, size)
    end
    first = first + 1
  end
  call('SET', key, sub(index, first * 12 + 1))
end
`;
