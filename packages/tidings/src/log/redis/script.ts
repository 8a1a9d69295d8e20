/**
 * What Redis runs for the log: one script, so that each step is atomic and its reply has one shape with every client and
 * protocol. All keys begin with one hash tag: a cluster keeps them together.
 *
 *     {name}:log        string: head, bytes, time, how far things are lost, epoch, and the server that was written to
 *     {name}:entries    stream: the id is `offset-0`, the value an entry as the tail gets it (frames.ts)
 *     {name}:t:TOPIC    string: where a topic's entries are, 12 bytes each: offset, and the bytes of the topic so far; expires
 *     {name}:lost       sorted set: the topics that lost something, by the newest offset that they lost
 *     {name}:p:ID       the last append of one process, for a minute: so that it can be repeated
 *     {name}:k:HASH     an idempotency key, for as long as it is remembered
 *     {name}:c:TOPIC, {name}:all    channels of the tail
 */

const COMMON = `
local P = KEYS[1]
local H, S, L, T = P .. ':log', P .. ':entries', P .. ':lost', P .. ':t:'
local call, pack, unpack_, format = redis.call, struct.pack, struct.unpack, string.format
local A, at_arg = ARGV, 0
local function arg() at_arg = at_arg + 1 return A[at_arg] end
local function num() return tonumber(arg()) end
local function text(n) return format('%.0f', n) end
local op, check, new_epoch, seen_epoch, seen, now = arg(), arg() == '1', arg(), arg(), num(), num()
local epoch, replid
local head, bytes, at, floor, newest, min = 0, 0, 0, 0, 0, 1
local state = call('GET', H)
if state then
  head, bytes, at, floor, newest, min = unpack_('>dddddd', state)
  epoch, replid = string.match(string.sub(state, 49), '^([%w_-]+) (%w*)$')
end
if now > at then at = now end
local function save()
  call('SET', H, pack('>dddddd', head, bytes, at, floor, newest, min) .. epoch .. ' ' .. (replid or ''))
end

-- There is no log, or no more: its data is gone.
local function ensure()
  if epoch then return end
  call('DEL', S, L)
  epoch, head, bytes, floor, newest, min = new_epoch, 0, 0, 0, 0, 1
  save()
end

-- Another server answers than the one that was written to last, or it knows less than was acknowledged. Offsets may have been
-- given that it does not know of: none of them is given again, and every reader is told of a gap.
local function fence()
  local jump = seen_epoch == epoch and seen > head
  if check then
    local id = string.match(call('INFO', 'replication'), 'master_replid:(%w+)')
    if replid and replid ~= '' and replid ~= id and head > 0 then jump = true end
    if replid ~= id then replid = id save() end
  end
  if not jump then return end
  head = math.max(head, seen_epoch == epoch and seen or 0) + 1000000
  floor, newest = head, head
  save()
end

-- An entry: time, topic, size of its body.
local function at_of(frame) return (unpack_('>d', frame, 9)) end
local function topic_of(frame)
  local topic, key, size = unpack_('>I2I2I4', frame, 17)
  return string.sub(frame, 25, 24 + topic), size
end

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
  local excess = most and call('ZCARD', L) - most or 0
  if excess <= 0 then return end
  local last = call('ZRANGE', L, excess - 1, excess - 1, 'WITHSCORES')
  floor = math.max(floor, tonumber(last[2]))
  call('ZREMRANGEBYRANK', L, 0, excess - 1)
end

local function offset_of(id) return tonumber(string.match(id, '^%d+')) end

-- Discards what the bounds of the whole log no longer cover, oldest first. Returns how far, when there may be more.
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

local function entry(offset)
  local id = text(offset) .. '-0'
  local e = call('XRANGE', S, id, id)[1]
  return e and e[2][2]
end

-- Where a topic's entries are: records of 12 bytes.
local function record(index, i) return unpack_('>I6I6', index, i * 12 + 1) end

-- The first record after an offset, of n.
local function find(key, n, after)
  local low, high = 0, n
  while low < high do
    local middle = math.floor((low + high) / 2)
    if record(call('GETRANGE', key, middle * 12, middle * 12 + 11), 0) <= after then low = middle + 1 else high = middle end
  end
  return low
end

-- Forgets what the whole log discarded of a topic, where that is most of its index.
local function clean(key, length)
  local n = length / 12
  if record(call('GETRANGE', key, 0, 11), 0) >= min then return end
  local dead = find(key, n, min - 1)
  if dead * 2 > n then call('SET', key, call('GETRANGE', key, dead * 12, -1), 'KEEPTTL') end
end

-- Adds to a topic with bounds of its own, and discards what they no longer cover.
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
  call('SET', key, string.sub(index, first * 12 + 1))
end

local function bound() local b = arg() return b == '' and math.huge or tonumber(b) end
`;

const OPEN = `
if op == 'open' then
  ensure()
  fence()
  local policy = string.match(call('INFO', 'memory'), 'maxmemory_policy:([%w-]+)')
  return { epoch, head, text(at), policy or '' }
end
`;

const HEAD = `
if op == 'head' then
  return { epoch or '', head, text(at), floor }
end
if op == 'stats' then
  local first = call('XRANGE', S, '-', '+', 'COUNT', 1)[1]
  return { epoch or '', head, text(at), first and offset_of(first[1]) or 0, call('XLEN', S), bytes }
end
`;

const APPEND = `
if op == 'append' then
  local producer, seq, key_age, lifetime, most_lost = arg(), num(), num(), num(), num()
  local messages, max_bytes, age = num(), num(), num()
  local token = P .. ':p:' .. producer
  local known = call('GET', token)
  if known then
    local last = cmsgpack.unpack(known)
    if epoch and last.epoch == epoch then
      if last.seq == seq then return last.reply end
      if last.seq > seq then return redis.error_reply('STALE it was given up') end
    end
  end
  ensure()
  local before = head
  fence()
  local reply = { epoch, before, 0, text(at) }
  local fresh, fresh_topics, n, topics, indexed = {}, {}, 0, {}, {}
  local i, r = at_arg + 2, 4
  for _ = 1, tonumber(A[at_arg + 1]) do
    local key, count, size = A[i], tonumber(A[i + 1]), tonumber(A[i + 2])
    i = i + 3
    local first, last, repeated = head + 1, head + count, 0
    local key_name = key ~= '' and P .. ':k:' .. redis.sha1hex(key)
    local earlier = key_name and call('GET', key_name)
    if earlier then
      first, last = string.match(earlier, '^(%d+) (%d+)$')
      first, last, repeated = tonumber(first), tonumber(last), 1
      i = i + count * 2
    else
      bytes = bytes + size
      for _ = 1, count do
        local topic = A[i]
        head = head + 1
        local frame = pack('>dd', head, at) .. A[i + 1]
        i = i + 2
        call('XADD', S, format('%.0f-0', head), 'e', frame)
        local index = indexed[topic]
        if not index then
          index = {}
          indexed[topic] = index
          topics[#topics + 1] = topic
        end
        index[#index + 1] = head
        n = n + 1
        fresh[n], fresh_topics[n] = frame, topic
      end
      if key_name then call('SET', key_name, text(first) .. ' ' .. text(last), 'PX', key_age) end
    end
    reply[r + 1], reply[r + 2], reply[r + 3] = first, last, repeated
    r = r + 3
  end
  reply[3] = head
  at_arg = i - 1
  local bounded = {}
  for _ = 1, num() do
    local topic = arg()
    bounded[topic] = { bound(), bound(), bound() }
  end
  for t = 1, #topics do
    local topic = topics[t]
    local index, key, own = indexed[topic], T .. topic, bounded[topic]
    if own then
      local sizes = {}
      if own[2] < math.huge then
        local o = head - n
        for j = 1, #index do local _, size = topic_of(fresh[index[j] - o]) sizes[j] = size end
      else
        for j = 1, #index do sizes[j] = 0 end
      end
      add_bounded(key, topic, index, sizes, own[1], own[2], own[3])
    else
      for j = 1, #index do index[j] = pack('>I6I6', index[j], 0) end
      local length = call('APPEND', key, table.concat(index))
      if length > 1024 and (head + t) % 16 == 0 then clean(key, length) end
    end
    if lifetime > 0 then call('PEXPIRE', key, lifetime) end
  end
  -- What is too old waits for one append in sixteen, or for the next read.
  local now_and_then = head % 16 < n
  trim(messages, max_bytes, now_and_then and age or math.huge, 1000 + n)
  tell_lost(now_and_then and most_lost)
  save()
  local intro = pack('>Bd', #epoch, floor) .. epoch
  local f, all = 1, P .. ':all'
  while f <= n do
    local topic, last = fresh_topics[f], f
    while fresh_topics[last + 1] == topic do last = last + 1 end
    local payload = intro .. (last == f and fresh[f] or table.concat(fresh, '', f, last))
    call('SPUBLISH', P .. ':c:' .. topic, payload)
    call('SPUBLISH', all, payload)
    f = last + 1
  end
  call('SET', token, cmsgpack.pack({ seq = seq, epoch = epoch, reply = reply }), 'PX', 60000)
  return reply
end
`;

const READ = `
local function expire()
  local messages, max_bytes, age, most_lost = num(), num(), num(), num()
  local more = trim(messages, max_bytes, age, 1000)
  if any_lost then
    tell_lost(most_lost)
    save()
  end
  return more
end

if op == 'read' then
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
end

if op == 'walk' then
  local after, max_bytes, most = num(), num(), num()
  local gone = expire()
  local names, prefixes = {}, {}
  for _ = 1, num() do names[arg()] = true end
  for i = 1, num() do prefixes[i] = arg() end
  local function candidate(topic)
    if names[topic] then return true end
    for _, p in ipairs(prefixes) do if string.sub(topic, 1, #p) == p then return true end end
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
end
`;

/** @param label - Makes the script another one: its first run on a server is known as that. */
export function scriptOf(label: string): string {
  return `-- ${label}\n${COMMON}${OPEN}${HEAD}${APPEND}${READ}\nreturn redis.error_reply('ERR unknown step')`;
}
