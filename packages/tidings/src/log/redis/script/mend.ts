/** What is done where a step stops in its middle, or did before: so that nothing is given twice, and the log goes on. */
import { JUMP, SAVE, SAVE_AGAIN } from "./state.ts";

/**
 * The entries go further than the log says: an older copy of its key was restored, or a step failed in its middle, where a right was taken
 * from its user. These entries stay, since they may have been acknowledged; none of their offsets is given again, and every subscriber gets
 * a gap. What is no entry is removed: nothing could be read.
 */
export const MEND: string = `
do
  local info, last, from = call('XINFO', 'STREAM', S), 0, format('(%d-0', head)
  for k = 1, #info, 2 do
    if info[k] == 'last-generated-id' then last = tonumber(string.match(info[k + 1], '^%d+')) end
  end
  repeat
    local batch = call('XRANGE', S, from, '+', 'COUNT', 32)
    for _, found in ipairs(batch) do
      local fields, at_byte = found[2], 1
      from = '(' .. found[1]
      if #fields ~= 2 or #fields[1] ~= 16 then call('XDEL', S, found[1]) at_byte = math.huge end
      while at_byte <= #fields[2] do
        local a, b, c = unpack_('>I2I2I4', fields[2], at_byte)
        count, bytes, at_byte = count + 1, bytes + c, at_byte + 8 + a + b + c
      end
    end
  until #batch < 32
  head = math.max(head, last) + ${JUMP}
  floor, newest = head, head
  ${SAVE}
end
`;

/**
 * A key holds something else, or a right was taken from the user. What the step has stored so far is removed, so that it is not done; its
 * offsets are not given again.
 */
export const UNDO: string = `
head, bytes, at, floor, newest, min, count, oldest = unpack_('>dddddddd', call('GET', H))
local found = call('XRANGE', S, format('(%d-0', head), '+')
for _, block in ipairs(found) do call('XDEL', S, block[1]) end
for c = 2, n_channels do
  local topic = sub(channels[c], #C + 1)
  local index = try('GET', T .. topic)
  local kept = type(index) == 'string' and #index or 0
  while kept >= 12 and unpack_('>I6', index, kept - 11) > head do kept = kept - 12 end
  if type(index) == 'string' and kept < #index then
    if kept > 0 then
      call('SET', T .. topic, sub(index, 1, kept))
    else
      call('DEL', T .. topic)
      call('SREM', X, topic)
    end
  end
end
local j = 6 + 4 * bounded
while j < i do
  local _, held = unpack_('>I4I4', A[j + 1])
  local name = P .. ':k:' .. redis.sha1hex(A[j])
  local noted = A[j] ~= '' and call('GET', name)
  if noted and tonumber(string.match(noted, '^%d+')) > head then call('DEL', name) end
  j = j + 2 + held
end
if #found > 0 then
  head = last
  ${SAVE_AGAIN}
end
return redis.error_reply('UNDONE nothing was appended: ' .. refused)`;
