/**
 * What the page says, in Chinese.
 */
import type { Failure } from "../stream/stream-client.ts";
import type { english } from "./words-en.ts";

export const chinese: typeof english = {
  playground: "调试台",
  language: "语言",
  theme: "外观",
  themeAuto: "跟随系统",
  themeLight: "浅色",
  themeDark: "深色",
  shortcuts: "快捷键",
  done: "好的",

  request: "请求",
  presets: "示例",
  presetClock: "时钟",
  presetTopic: "主题",
  presetChat: "对话",
  client: "客户端",
  browsersOwn: "浏览器自带",
  clientNotes: {
    connect: "Tidings 的 connect()：方法、请求头、请求体都能设置；断线自动续传，并告诉你流是怎样结束的。",
    "event-source": "Tidings 的 EventSource：与标准一致，另外可以设置方法、请求头和请求体，出错时说明原因。",
    browser: "浏览器自带的 EventSource：只能发 GET，不能设置请求头，出错时也不说明原因。",
  },
  method: "方法",
  headers: "请求头",
  headersHint: "每行一个",
  body: "请求体",
  bodyJson: "JSON",
  bodyBroken: "不是有效的 JSON",
  bodyText: "文本",
  more: "更多选项",
  stopOn: "结束事件",
  stopOnHint: "收到这些类型的事件就结束",
  listenTo: "监听事件",
  listenToHint: "其他要接收的事件类型",
  lastEventId: "最后事件 ID",
  lastEventIdHint: "从这里继续接收",
  replay: "流中断后重新发送请求",
  start: "开始",
  stop: "停止",
  code: "代码",
  copy: "复制",
  copied: "已复制",
  notCopied: "浏览器不允许复制",

  onlyGet: "浏览器自带的 EventSource 只能发送 GET 请求。",
  noHeaders: "浏览器自带的 EventSource 不能设置请求头。",
  noBody: "浏览器自带的 EventSource 不能发送请求体。",
  noBodyGet: "GET 请求没有请求体。",
  hearsAll: "connect() 会收到所有类型的事件。",
  startsAfresh: "EventSource 总是从头开始；之后断线时会自动续传。",
  getReturns: "GET 请求总会自动重连。",
  noReplay: "只有 connect() 支持，适用于可以重复请求的场景。",

  urlMissing: "请输入地址，例如 /api/sse?tick=10",
  urlBroken: (url) => `“${url}”不是有效的地址，应类似 /api/sse 或 https://example.com/events`,
  urlScheme: (scheme) => `不支持 ${scheme} 协议，请使用 http: 或 https:`,
  headerBroken: (line) => `“${line}”不是有效的请求头，应类似 Authorization: Bearer demo`,
  jsonBroken: (why) => `这不是有效的 JSON：${why}。再按一次就按原样发送。`,

  states: {
    idle: "就绪",
    connecting: "正在连接",
    open: "已连接",
    waiting: "等待重连",
    paused: "已暂停",
    complete: "已完成",
    stopped: "已停止",
    truncated: "意外中断",
    failed: "失败",
  },
  sentences: {
    idle: "选择一个事件流，然后开始。",
    connecting: (attempt) => (attempt > 1 ? `正在进行第 ${attempt} 次连接。` : "正在等待响应。"),
    open: (attempt) => (attempt > 1 ? `第 ${attempt} 次连接成功，继续接收消息。` : "消息一到达就会显示。"),
    waiting: (attempt) => `第 ${attempt} 次连接已断开，稍后自动重连。`,
    paused: "网络恢复后自动继续。",
    complete: "事件流已正常结束。",
    stopped: "已手动停止接收。",
    truncated: "事件流没有完整结束。",
    failed: "不会再自动重连。",
  },
  messages: "消息",
  size: "大小",
  attempts: "连接次数",
  duration: "时长",
  pulseFrom: "30 秒前",
  pulseTo: "现在",

  resumeHere: "续传",

  publish: "发布",
  publishEvent: "事件类型",
  publishData: "文本或 JSON，发给所有订阅者",
  published: (id) => `已发布，ID 为 ${id}`,
  notPublished: (why) => `发布失败：${why}`,

  events: "事件",
  time: "时间",
  type: "类型",
  data: "数据",
  filter: "按类型、ID 或数据筛选",
  pause: "暂停",
  resume: "继续",
  clear: "清空",
  emptyTitle: "还没有事件",
  emptyText: "点击“开始”，事件一到达就会显示在这里。",
  nothingMatches: "没有符合筛选条件的事件。",
  rowOpen: (status, attempt) =>
    `${status === undefined ? "收到响应" : `响应 ${status}`}，第 ${attempt} 次连接`,
  rowEnd: {
    complete: "事件流已完整接收",
    stopped: "已手动停止",
    truncated: "事件流提前结束",
    failed: "已放弃",
  },
  again: "稍后会再次尝试。",
  kinds: { open: "打开", error: "错误", end: "结束" },
  attempt: "连接序号",
  since: "间隔",
  copyData: "复制数据",
  dataCut: (shown, all) => `共 ${all}，这里显示前 ${shown}；复制时包含全部内容。`,
  latest: (count) => `下方有 ${count} 条新事件`,
  pausedCount: (count) => `已暂停，其间收到 ${count} 条`,
  foot: (shown, most) => `共 ${shown} 条事件，列表最多保留最近 ${most} 条。`,
  footDropped: (shown, dropped) => `显示最近 ${shown} 条事件，更早的 ${dropped} 条已移除（统计仍包含它们）。`,
  footFiltered: (matching, shown) => `${shown} 条事件中有 ${matching} 条符合条件。`,

  shortcutNames: {
    start: "开始或重新开始",
    stop: "停止",
    filter: "筛选",
    pause: "暂停或继续显示",
    copy: "把事件复制为 JSON",
    clear: "清空列表",
    move: "在事件之间移动",
    expand: "展开事件",
    help: "显示快捷键",
  },

  explain: explainInChinese,
};

function explainInChinese(failure: Failure): { what: string; why: string } {
  const { code, status, reason } = failure;
  const said = reason === undefined ? "" : `服务器的说明：${reason}`;
  switch (code) {
    case "status":
      return {
        what: `服务器返回了 ${status}`,
        why: (STATUS_HELP[status ?? 0] ?? otherStatus(status)) + said,
      };
    case "content-type":
      return {
        what: "这不是事件流",
        why: "服务器有响应，但 Content-Type 不是 text/event-stream。请检查地址是否正确。",
      };
    case "network":
      return failure.crossOrigin
        ? {
            what: "连接失败，或没有权限",
            why: "服务器与本页面不同源：可能无法访问，也可能不允许本页面跨域请求（CORS）。浏览器不会说明是哪一种。",
          }
        : { what: "连接失败", why: "无法访问服务器，或者连接被服务器中断。" };
    case "ended":
      return {
        what: "服务器结束了事件流",
        why: "没有收到表示结束的事件。如果流本来就这样结束，请把最后一个事件的类型填入“结束事件”。",
      };
    case "idle":
      return { what: "太久没有收到数据", why: "连注释也没有收到，因此认为连接已经失效。" };
    case "timeout":
      return { what: "等待超时", why: "服务器没有及时响应。" };
    case "too-large":
      return { what: "消息过大", why: "消息超过了为保护页面内存而设的上限。" };
    case "exhausted":
      return { what: "已放弃", why: "允许的重试次数已经用完。" };
    case "browser-retries":
      return { what: "连接已断开", why: "浏览器没有说明原因，几秒后会自动重连。" };
    case "browser-gave-up":
      return {
        what: "浏览器已放弃",
        why: "可能是状态码不是 200、Content-Type 不是 text/event-stream，或者不允许本页面跨域请求（CORS）。EventSource 不会说明是哪一种，换用 connect() 就能看到原因。",
      };
    default:
      return { what: "事件流出错", why: failure.message };
  }
}

const STATUS_HELP: Record<number, string> = {
  204: "204 表示没有内容，也不必再来。",
  400: "服务器无法理解这个请求。",
  401: "服务器需要验证身份：请添加 Authorization 请求头。",
  403: "身份已确认，但没有权限。",
  404: "这个地址不存在。",
  405: "这个地址不支持当前的请求方法。",
  413: "请求体太长。",
  415: "服务器不接受这种请求体：请添加 Content-Type 请求头。",
  429: "请求过于频繁，请稍后再试。",
};

function otherStatus(status: number | undefined): string {
  return (status ?? 0) >= 500 ? "服务器或它前面的代理出了问题。" : "事件流的状态码应为 200。";
}
