/**
 * Where a topic's entries are: records of 12 bytes in one string. Each has the offset; the bytes of the topic so far, which begin
 * anew after 2^40 and are counted for topics with bounds of their own; and how many entries stand before it in its block.
 */
import { LOSE_TOPIC } from "./state.ts";

export const RECORD: string = `
local function record(index, i) return unpack_('>I6I5B', index, i * 12 + 1) end
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
  if dead * 2 > n then call('SET', key, call('GETRANGE', key, dead * 12, -1)) end
end
`;

/** Adds to a topic with bounds of its own, and discards what they no longer cover. */
export const ADD_BOUNDED: string = `
local function add_bounded(key, topic, added, sizes, messages, max_bytes, age)
  local index = call('GET', key) or ''
  local is_new = call('SADD', X, topic) == 1
  if is_new ~= (index == '') then
    index = ''
    ${LOSE_TOPIC}
  end
  if is_new then miss_topics() end
  local total = 0
  if #index > 0 then local _, sum = record(index, #index / 12 - 1) total = sum end
  local parts = { index }
  for i = 1, #added do
    total = (total + (max_bytes < math.huge and sizes[added[i]] or 0)) % 1099511627776
    parts[i + 1] = pack('>I6I5B', added[i], total, 0)
  end
  index = table.concat(parts)
  local n, first = #index / 12, 0
  while first < n and record(index, first) < min do first = first + 1 end
  while first < n do
    local offset, sum, distance = record(index, first)
    local is_within = n - first <= messages
    if is_within and max_bytes == math.huge and age == math.huge then break end
    local frame, _, size, time, others = entry_at(offset, distance)
    if frame then
      is_within = is_within and (total - sum) % 1099511627776 + size <= max_bytes and at - time <= age
      if is_within then break end
      -- Beside others only if it came when the topic had no bounds: then it goes with them.
      if others == 0 then
        call('XDEL', S, text(offset) .. '-0')
        block_first = nil
        count = count - 1
        lose(topic, offset, size)
      else
        lose(topic, offset, 0)
      end
    end
    first = first + 1
  end
  if first == n then call('DEL', key) call('SREM', X, topic) else call('SET', key, sub(index, first * 12 + 1)) end
end
`;
