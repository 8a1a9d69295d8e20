/** The state of the log in Redis: read at the start of each step, and written when it changed. */

/**
 * Arguments: whether the server has to be looked at; an epoch, should there be no log; the epoch that the process knows; and, as
 * two doubles, the newest offset that it knows to have been given, and its time.
 */
export const STATE: string = `
local P, A = KEYS[1], ARGV
local H, S, L, T = P .. ':log', P .. ':entries', P .. ':lost', P .. ':t:'
local call, pack, unpack_, format, sub = redis.call, struct.pack, struct.unpack, string.format, string.sub
local seen, now = unpack_('>dd', A[4])
local epoch, identity
local head, bytes, at, floor, newest, min, count, oldest = 0, 0, 0, 0, 0, 1, 0, 0
`;

const TAKE = `
if state then
  head, bytes, at, floor, newest, min, count, oldest = unpack_('>dddddddd', state)
  identity = sub(state, 65)
  epoch = sub(identity, 1, string.find(identity, ' ', 1, true) - 1)
end
if now > at then at = now end
`;

export const LOAD: string = `local state = call('GET', H)${TAKE}`;

/** And what a process appended last. */
export const LOAD_WITH_TOKEN: string = `
local both = call('MGET', H, token)
local state, known = both[1], both[2]
${TAKE}`;

export const SAVE: string = `call('SET', H, pack('>dddddddd', head, bytes, at, floor, newest, min, count, oldest) .. identity)`;

/** There is no log, or no more: its data is gone. */
export const ENSURE: string = `
if not epoch then
  call('DEL', S, L)
  epoch, head, bytes, floor, newest, min = A[2], 0, 0, 0, 0, 1
  identity = epoch .. ' '
  ${SAVE}
end
`;

/**
 * Another server answers than the one that was written to last, or it knows less than was acknowledged. Offsets may have been
 * given that it does not know of: none of them is given again, and every subscriber gets a gap.
 */
export const FENCE: string = `
local is_behind = seen > head and A[3] == epoch
if is_behind or A[1] == '1' then
  local jump = is_behind
  if A[1] == '1' then
    local id = string.match(call('INFO', 'replication'), 'master_replid:(%w+)')
    local known = sub(identity, #epoch + 2)
    if known ~= '' and known ~= id and head > 0 then jump = true end
    if known ~= id then
      identity = epoch .. ' ' .. id
      ${SAVE}
    end
  end
  if jump then
    head = math.max(head, A[3] == epoch and seen or 0) + 1000000
    floor, newest = head, head
    ${SAVE}
  end
end
`;

/** Lua writes large numbers with an exponent by itself. */
export const TEXT: string = `local function text(n) return format('%d', n) end`;
