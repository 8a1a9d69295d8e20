/** Where the log is: steps that read no entries. */
import { ENSURE, FENCE, LOAD, STATE, TEXT } from "./state.ts";

export const OPEN: string = `${STATE}${TEXT}
${LOAD}
${ENSURE}
${FENCE}
local policy = string.match(call('INFO', 'memory'), 'maxmemory_policy:([%w-]+)')
return { epoch, head, text(at), policy or '' }
`;

export const HEAD: string = `${STATE}${TEXT}
${LOAD}
return { epoch or '', head, text(at), floor }
`;

export const STATS: string = `${STATE}${TEXT}
${LOAD}
local first = call('XRANGE', S, '-', '+', 'COUNT', 1)[1]
local oldest_offset = first and math.max(min, tonumber(string.match(first[1], '^%d+'))) or 0
return { epoch or '', head, text(at), oldest_offset, count, bytes }
`;
