/**
 * What a browser sees that opens the URL: the stream, by the browser's own EventSource.
 */
export function page(): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>tidings serve</title>
<style>
  body { font: 14px/1.5 ui-monospace, monospace; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color-scheme: light dark }
  li { list-style: none; white-space: pre-wrap; overflow-wrap: anywhere } ol { padding: 0 } time, small { opacity: .6 }
</style>
<h1>Events</h1>
<p id="state">connecting</p>
<ol id="messages"></ol>
<script>
  const list = document.getElementById("messages"), state = document.getElementById("state");
  const source = new EventSource(location.href);
  source.onopen = () => (state.textContent = "open");
  source.onerror = () => (state.textContent = source.readyState === 2 ? "closed" : "reconnecting");
  const show = ({ data, lastEventId }) => {
    const item = document.createElement("li");
    const time = document.createElement("time");
    const id = document.createElement("small");
    time.textContent = new Date().toLocaleTimeString() + " ";
    id.textContent = lastEventId && " #" + lastEventId;
    item.append(time, data, id);
    list.append(item);
    if (list.children.length > 500) list.firstChild.remove();
    item.scrollIntoView();
  };
  source.onmessage = show;
  const type = new URLSearchParams(location.search).get("event");
  if (type) source.addEventListener(type, show);
</script>
`;
}
