/**
 * As much of `wx.request` as a document's example asks for, over real sockets. The tests of mini programs have the whole host.
 */
import { request } from "node:http";

interface Options {
  url: string;
  method?: string;
  data?: string;
  header?: Record<string, string>;
  success?: (result: object) => void;
  fail?: (result: object) => void;
}
type Listener = (result: object) => void;

export const wx = {
  request({ url, method = "GET", data, header = {}, success, fail }: Options): object {
    const onHeaders: Listener[] = [];
    const onChunk: Listener[] = [];
    const outgoing = request(url, { method, headers: header }, (response) => {
      const head = { statusCode: response.statusCode, header: response.headers };
      for (const listener of onHeaders) listener(head);
      response.on("data", (chunk: Buffer) => {
        for (const listener of onChunk) listener({ data: Uint8Array.from(chunk).buffer });
      });
      response.on("end", () => success?.({ ...head, data: "", errMsg: "request:ok" }));
    });
    outgoing.on("error", (error) => fail?.({ errMsg: `request:fail ${error.message}` }));
    outgoing.end(data);
    return {
      abort: () => void outgoing.destroy(),
      onHeadersReceived: (listener: Listener) => void onHeaders.push(listener),
      onChunkReceived: (listener: Listener) => void onChunk.push(listener),
    };
  },
};
