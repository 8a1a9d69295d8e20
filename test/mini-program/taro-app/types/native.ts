/** What a native WeChat program in TypeScript writes, checked and never run. */
import { connect, type Connection, EventStreamError, fromWx } from "tidings/mini-program";

const connection: Connection = connect("https://api.example.cn/api/chat", {
  transport: fromWx(wx, { timeoutMs: 60_000, request: { forceCellularNetwork: true } }),
  method: "POST",
  headers: () => Promise.resolve({ authorization: "Bearer demo" }),
  body: { q: "你好" },
  until: "done",
  idleMs: 30_000,
  onMessage({ event, data, id }) {
    const text: string = event + data + id;
    void wx.showToast({ title: text });
  },
  onError(error) {
    const { code, status, body, willRetry } = error;
    if (code === "status" && status === 401 && !willRetry) console.log(body);
  },
});
const remove: () => void = connection.on("price", ({ data }) => console.log(data));
remove();
void connection.ended.then((verdict) => {
  if (verdict.reason === "gave-up" && verdict.cause instanceof EventStreamError)
    console.log(verdict.cause.code);
});
connection.close();

// @ts-expect-error There is no transport to guess.
connect("https://api.example.cn/", {});
// @ts-expect-error It is not wx.
fromWx({ get: () => {} });
// @ts-expect-error `onMessage` is one word.
connect("https://api.example.cn/", { transport: fromWx(wx), onmessage() {} });
