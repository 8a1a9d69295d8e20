/**
 * A server as a team has it while it writes its pages: Vite with its plugins for React and Vue, event streams beside it, and pages
 * that were rendered on the server. It counts the streams that it serves, so that a test can ask.
 * With the argument 18, the React of react-18/.
 */
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import vue from "@vitejs/plugin-vue";
import { openStream } from "tidings/server";
import { build } from "esbuild";
import { createServer as createVite } from "vite";

const folder = (path) => fileURLToPath(new URL(path, import.meta.url));
const oldReact = process.argv.includes("18");

/** By name: the streams that are open, how many there were, and the most at once. */
const counts = new Map();

const server = createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  const route = routes[url.pathname];
  if (route === undefined) return vite.middlewares(request, response);
  Promise.resolve(route(request, response, url)).catch((error) => {
    console.error(error);
    response.destroy();
  });
});

const vite = await createVite({
  root: folder("pages"),
  configFile: false,
  plugins: [react(), vue()],
  appType: "mpa",
  cacheDir: folder(`.cache/vite-${oldReact ? "18" : "19"}`),
  server: { middlewareMode: true, hmr: { server }, fs: { allow: [folder("../..")] } },
  resolve: {
    // The package is a link that has a React of its own to be type-checked with; a page has one.
    dedupe: ["react", "react-dom", "vue"],
    alias: oldReact
      ? [{ find: /^(react|react-dom)(?=\/|$)/, replacement: folder("react-18/node_modules/$1") }]
      : [],
  },
  optimizeDeps: {
    entries: ["*.html", "react/*.tsx", "vue/*.vue"],
    include: ["react", "react/jsx-dev-runtime", "react-dom/client", "vue"],
  },
  ssr: { noExternal: [/^tidings/] },
});

const routes = {
  /** Sends what `/push` is given, numbered, from the last event ID on. */
  "/events/pushed"(request, response, url) {
    const stream = openStream(request, response);
    const topic = count(url, stream);
    const seen = Number(stream.lastEventId);
    for (const data of topic.sent.slice(seen)) stream.send({ id: `${topic.sent.indexOf(data) + 1}`, data });
  },
  "/push"(request, response, url) {
    const topic = topicOf(url);
    const data = url.searchParams.get("data");
    topic.sent.push(data);
    for (const stream of topic.streams) stream.send({ id: `${topic.sent.length}`, data });
    response.end();
  },
  "/counts"(request, response, url) {
    const { opened, most, streams } = topicOf(url);
    response.end(JSON.stringify({ opened, most, open: streams.size }));
  },
  /** Numbers, a hundred at a time, ten thousand a second. */
  async "/events/flood"(request, response, url) {
    const stream = openStream(request, response);
    count(url, stream);
    const messages = Number(url.searchParams.get("messages"));
    const beganAt = performance.now();
    for (let sent = 0; sent < messages && !stream.closed;) {
      const due = Math.min(messages, Math.floor((performance.now() - beganAt) * 10));
      while (sent < due) stream.send({ data: `${++sent}` });
      await new Promise((resolve) => void setTimeout(resolve, 5));
    }
    stream.send({ event: "done", data: "" });
  },
  /** An answer a token at a time, whole or cut off in the midst. */
  async "/events/answer"(request, response, url) {
    const stream = openStream(request, response);
    const { opened } = count(url, stream);
    const { q } = JSON.parse(await text(request));
    for (const data of ["You ", "asked ", q]) stream.send({ data });
    if (url.searchParams.has("cut") && opened === 1) {
      response.write("data: and th");
      await new Promise((resolve) => void setTimeout(resolve, 50));
      response.destroy();
    } else {
      stream.send({ event: "done", data: "" });
      stream.end();
    }
  },
  async "/server-rendered/react"(request, response, url) {
    await answer(response, url, "/react/hydrate.tsx", (await reactServer()).render());
  },
  async "/server-rendered/vue"(request, response, url) {
    const { render } = await vite.ssrLoadModule("/vue/server.ts");
    await answer(response, url, "/vue/hydrate.ts", await render());
  },
};

/** Bundled as a server is: Vite does not run an aliased CommonJS module. */
async function reactServer() {
  const outfile = folder(`.cache/react-${oldReact ? "18" : "19"}.cjs`);
  await build({
    entryPoints: [folder("pages/react/server.tsx")],
    outfile,
    bundle: true,
    platform: "node",
    jsx: "automatic",
    alias: Object.fromEntries(
      ["react", "react-dom"].map((name) => [
        name,
        folder(`${oldReact ? "react-18/" : ""}node_modules/${name}`),
      ]),
    ),
  });
  return createRequire(import.meta.url)(outfile);
}

async function answer(response, url, script, rendered) {
  const html = `<!doctype html><html><body><div id="root">${rendered}</div>
    <script type="module" src="${script}"></script></body></html>`;
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.end(await vite.transformIndexHtml(url.pathname, html));
}

function topicOf(url) {
  const name = url.searchParams.get("name");
  if (!counts.has(name)) counts.set(name, { opened: 0, most: 0, streams: new Set(), sent: [] });
  return counts.get(name);
}

function count(url, stream) {
  const topic = topicOf(url);
  topic.streams.add(stream);
  topic.opened += 1;
  topic.most = Math.max(topic.most, topic.streams.size);
  void stream.ended.then(() => topic.streams.delete(stream));
  return { ...topic, sent: topic.sent };
}

server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
