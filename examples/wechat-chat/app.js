App({
  globalData: {
    // On a device: an https address whose domain is on the list of the mini program's request domains.
    // 真机上须为 https 地址，且域名已加入 request 合法域名。
    api: "http://127.0.0.1:3001",
  },
});
