export default defineAppConfig({
  pages: ["pages/chat/index", "pages/feed/index", "pages/naive/index"],
  window: { navigationBarTitleText: "Tidings" },
});
