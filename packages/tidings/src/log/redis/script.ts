/**
 * What Redis runs for the log: one script, so that each step is atomic and its reply has one shape with every client and
 * protocol. All keys begin with one hash tag: a cluster keeps them together.
 *
 *     {name}:log        hash: epoch, head, bytes, time, and how far things are lost
 *     {name}:entries    stream: the id is `offset-0`
 *     {name}:t:TOPIC    sorted set: the offsets of a topic, with the size of each; expires
 *     {name}:lost       sorted set: the topics that lost something, by the newest offset that they lost
 *     {name}:p:ID       the last append of one process, for a minute: so that it can be repeated
 *     {name}:k:HASH     an idempotency key, for as long as it is remembered
 *     {name}:c:TOPIC, {name}:all    channels of the tail
 */

const COMMON = `
local P = KEYS[1]
local H, S, L, T = P .. ':log', P .. ':entries', P .. ':lost', P .. ':t:'
local at_arg = 0
local function arg() at_arg = at_arg + 1 return ARGV[at_arg] end
local function num() return tonumber(arg()) end
local function text(n) return string.format('%.0f', n) end
local op, check, new_epoch, seen_epoch, seen, now = arg(), arg() == '1', arg(), arg(), num(), num()
local h = redis.call('HMGET', H, 'epoch', 'head', 'bytes', 'at', 'floor', 'newest', 'min', 'replid')
local function field(i, default) return tonumber(h[i] or default) end
local epoch = h[1]
local head, bytes, at, floor, newest, min = field(2, 0), field(3, 0), field(4, 0), field(5, 0), field(6, 0), field(7, 1)
if now > at then at = now end
local function save()
  redis.call('HSET', H, 'epoch', epoch, 'head', text(head), 'bytes', text(bytes), 'at', text(at),
    'floor', text(floor), 'newest', text(newest), 'min', text(min))
end

-- There is no log, or no more: its data is gone.
local function ensure()
  if epoch then return end
  redis.call('DEL', S, L)
  epoch, head, bytes, floor, newest, min = new_epoch, 0, 0, 0, 0, 1
  save()
end

-- Another server answers than the one that was written to last, or it knows less than was acknowledged. Offsets may have been
-- given that it does not know of: none of them is given again, and every reader is told of a gap.
local function fence()
  local jump = seen_epoch == epoch and seen > head
  if check then
    local id = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
    if h[8] and h[8] ~= id and head > 0 then jump = true end
    if h[8] ~= id then redis.call('HSET', H, 'replid', id) end
  end
  if not jump then return end
  head = math.max(head, seen_epoch == epoch and seen or 0) + 1000000
  floor, newest = head, head
  save()
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
    if n >= 1000 then redis.call('ZADD', L, 'GT', unpack(pairs_)) pairs_, n = {}, 0 end
  end
  if n > 0 then redis.call('ZADD', L, 'GT', unpack(pairs_)) end
  local excess = redis.call('ZCARD', L) - most
  if excess <= 0 then return end
  local last = redis.call('ZRANGE', L, excess - 1, excess - 1, 'WITHSCORES')
  floor = math.max(floor, tonumber(last[2]))
  redis.call('ZREMRANGEBYRANK', L, 0, excess - 1)
end

local function offset_of(id) return tonumber(string.match(id, '^%d+')) end

-- Discards what the bounds of the whole log no longer cover, oldest first. Returns whether there is more.
local function trim(messages, max_bytes, age, most)
  local n, up_to, from, done = redis.call('XLEN', S), 0, '-', false
  while most > 0 and not done do
    local count = math.min(most, 64, math.max(1, n - messages))
    local batch = redis.call('XRANGE', S, from, '+', 'COUNT', count)
    done = #batch == 0
    for _, e in ipairs(batch) do
      local f = e[2]
      if n <= messages and bytes <= max_bytes and at - tonumber(f[6]) <= age then done = true break end
      up_to = offset_of(e[1])
      lose(f[2], up_to, #f[4])
      n, most = n - 1, most - 1
    end
    from = '(' .. text(up_to) .. '-0'
  end
  if up_to > 0 then
    redis.call('XTRIM', S, 'MINID', text(up_to + 1) .. '-0')
    min = up_to + 1
  end
  return not done and up_to or 0
end

-- Forgets what the whole log discarded of a topic. Returns its bytes.
local function clean(key)
  local size = 0
  for _, m in ipairs(redis.call('ZRANGEBYSCORE', key, 1, text(min - 1))) do
    size = size + tonumber(string.match(m, ':(%d+)$'))
  end
  redis.call('ZREMRANGEBYSCORE', key, 1, text(min - 1))
  return size
end

-- Discards what a topic's own bounds no longer cover.
local function trim_topic(topic, added, messages, max_bytes, age)
  local key = T .. topic
  local total = -(tonumber(redis.call('ZSCORE', key, 'b') or -1)) - 1 + added - clean(key)
  local n = redis.call('ZCOUNT', key, 1, '+inf')
  local gone = {}
  while n > 0 do
    local m = redis.call('ZRANGEBYSCORE', key, 1, '+inf', 'LIMIT', 0, 1)[1]
    local offset, size = string.match(m, '^(%d+):(%d+)$')
    if n <= messages and total <= max_bytes then
      if age == math.huge then break end
      local e = redis.call('XRANGE', S, offset .. '-0', offset .. '-0')[1]
      if not e or at - tonumber(e[2][6]) <= age then break end
    end
    redis.call('ZREM', key, m)
    redis.call('XDEL', S, offset .. '-0')
    lose(topic, tonumber(offset), tonumber(size))
    n, total = n - 1, total - tonumber(size)
  end
  redis.call('ZADD', key, -total - 1, 'b')
end

local function bound() local b = arg() return b == '' and math.huge or tonumber(b) end
`;

const OPEN = `
if op == 'open' then
  ensure()
  fence()
  local policy = string.match(redis.call('INFO', 'memory'), 'maxmemory_policy:([%w-]+)')
  return { epoch, head, text(at), policy or '' }
end
`;

const HEAD = `
if op == 'head' then
  return { epoch or '', head, text(at), floor }
end
if op == 'stats' then
  local first = redis.call('XRANGE', S, '-', '+', 'COUNT', 1)[1]
  return { epoch or '', head, text(at), first and offset_of(first[1]) or 0, redis.call('XLEN', S), bytes }
end
`;

const APPEND = `
if op == 'append' then
  local producer, seq, key_age, lifetime, most_lost = arg(), num(), num(), num(), num()
  local messages, max_bytes, age = num(), num(), num()
  local token = P .. ':p:' .. producer
  local known = redis.call('GET', token)
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
  local fresh, topics, indexed = {}, {}, {}
  for _ = 1, num() do
    local key, count = arg(), num()
    local first, last, repeated
    local key_name = key ~= '' and P .. ':k:' .. redis.sha1hex(key)
    local earlier = key_name and redis.call('GET', key_name)
    if earlier then
      first, last = string.match(earlier, '^(%d+) (%d+)$')
      at_arg = at_arg + count * 3
      repeated = 1
    else
      first, repeated = head + 1, 0
      for _ = 1, count do
        local topic, label, body = arg(), arg(), arg()
        head = head + 1
        bytes = bytes + #body
        local offset = text(head)
        redis.call('XADD', S, offset .. '-0', 't', topic, 'b', body, 'a', text(at), 'k', label)
        if not indexed[topic] then
          topics[#topics + 1] = topic
          indexed[topic] = { size = 0 }
        end
        local index = indexed[topic]
        index[#index + 1] = offset
        index[#index + 1] = offset .. ':' .. #body
        index.size = index.size + #body
        fresh[#fresh + 1] = { head, topic, label, body }
      end
      last = head
      if key_name then redis.call('SET', key_name, text(first) .. ' ' .. text(last), 'PX', key_age) end
    end
    local n = #reply
    reply[n + 1], reply[n + 2], reply[n + 3] = tonumber(first), tonumber(last), repeated
  end
  reply[3] = head
  local bounded = {}
  for _ = 1, num() do
    local topic = arg()
    bounded[topic] = { bound(), bound(), bound() }
  end
  for _, topic in ipairs(topics) do
    local index, key, own = indexed[topic], T .. topic, bounded[topic]
    for i = 1, #index, 1000 do redis.call('ZADD', key, unpack(index, i, math.min(i + 999, #index))) end
    if lifetime > 0 then redis.call('PEXPIRE', key, lifetime) end
    if own then trim_topic(topic, index.size, own[1], own[2], own[3])
    elseif head % 64 < #index then clean(key) end
  end
  trim(messages, max_bytes, age, 1000 + #fresh)
  tell_lost(most_lost)
  save()
  local i = 1
  while i <= #fresh do
    local topic = fresh[i][2]
    local frames = { struct.pack('>Bd', #epoch, floor), epoch }
    while i <= #fresh and fresh[i][2] == topic do
      local e = fresh[i]
      frames[#frames + 1] = struct.pack('>ddI2I2I4', e[1], at, #topic, #e[3], #e[4])
      frames[#frames + 1] = topic
      frames[#frames + 1] = e[3]
      frames[#frames + 1] = e[4]
      i = i + 1
    end
    local payload = table.concat(frames)
    redis.call('SPUBLISH', P .. ':c:' .. topic, payload)
    redis.call('SPUBLISH', P .. ':all', payload)
  end
  redis.call('SET', token, cmsgpack.pack({ seq = seq, epoch = epoch, reply = reply }), 'PX', 60000)
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

local function push(page, offset, f)
  local n = #page
  page[n + 1], page[n + 2], page[n + 3], page[n + 4], page[n + 5] = offset, f[6], f[2], f[8], f[4]
end

if op == 'read' then
  local after, max_messages, max_bytes = num(), num(), num()
  local gone = expire()
  local most = math.min(max_messages, 256) + 1
  local all, horizon, through = {}, math.huge, nil
  local loss, age = math.max(floor, gone), {}
  for _ = 1, num() do
    local topic = arg()
    age[topic] = bound()
    loss = math.max(loss, tonumber(redis.call('ZSCORE', L, topic) or 0))
    local members = redis.call('ZRANGEBYSCORE', T .. topic, text(math.max(after + 1, min)), '+inf', 'LIMIT', 0, most)
    for _, m in ipairs(members) do all[#all + 1] = tonumber(string.match(m, '^(%d+)')) end
    if #members == most then horizon = math.min(horizon, all[#all]) end
  end
  table.sort(all)
  local page, n, size, last = {}, 0, 0, after
  for _, offset in ipairs(all) do
    if offset > horizon then through = last break end
    local id = text(offset) .. '-0'
    local e = redis.call('XRANGE', S, id, id)[1]
    if e and at - tonumber(e[2][6]) > age[e[2][2]] then
      loss = math.max(loss, offset)
    elseif e then
      size = size + #e[2][4]
      if n >= max_messages or (n > 0 and size > max_bytes) then through = last break end
      push(page, offset, e[2])
      n = n + 1
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
    local batch = redis.call('XRANGE', S, from, '+', 'COUNT', 16)
    if #batch == 0 then through = math.max(head, after) end
    for _, e in ipairs(batch) do
      if size > max_bytes or most == 0 then through = last break end
      last, most = offset_of(e[1]), most - 1
      if candidate(e[2][2]) then
        size = size + #e[2][4]
        push(page, last, e[2])
      end
    end
    from = '(' .. text(last) .. '-0'
  end
  local losses = {}
  if newest > after then
    local found = redis.call('ZREVRANGEBYSCORE', L, '+inf', '(' .. text(after), 'WITHSCORES', 'LIMIT', 0, 2000)
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
