/**
 * The topic of a message, where its subscriber can read it with any client: in the data. An event stream has no field for it
 * that clients hand on.
 * This module is browser compatible.
 */

/**
 * The data of a message and the topic it was published to, as JSON: `{"topic":"book/7","data":{"bid":1}}`. Data that is JSON is put in as
 * it is, any other as a string: a reader gets what it would get from the message's own data.
 */
export function envelop(topic: string, data: string): string {
  return `{"topic":${JSON.stringify(topic)},"data":${isJson(data) ? data : JSON.stringify(data)}}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
