const { connect, fromWx } = require("tidings/mini-program");

Page({
  data: { question: "你好", answer: "", status: "" },

  ask() {
    this.stop();
    this.undrawn = "";
    this.setData({ answer: "" });
    this.connection = connect(`${getApp().globalData.api}/api/chat`, {
      transport: fromWx(wx),
      method: "POST",
      headers: { authorization: "Bearer demo" },
      body: { q: this.data.question },
      until: "done",
      onMessage: ({ event, data }) => {
        if (event === "message") this.draw(JSON.parse(data).token);
      },
      onState: (status) => this.setData({ status }),
    });
    this.connection.ended.then(({ reason, cause }) => {
      if (reason === "gave-up" || reason === "truncated")
        this.setData({ status: `${reason}: ${cause.message}` });
      else this.setData({ status: reason });
    });
  },

  stop() {
    if (this.connection) this.connection.close();
  },

  onUnload() {
    this.stop();
    clearTimeout(this.drawing);
  },

  /** Each setData crosses to the view: tokens that come together go together. */
  draw(token) {
    this.undrawn += token;
    if (this.drawing) return;
    this.drawing = setTimeout(() => {
      this.setData({ answer: this.data.answer + this.undrawn });
      this.undrawn = "";
      this.drawing = undefined;
    }, 50);
  },
});
