import type { UIMessage } from "ai";
import { createRoot } from "react-dom/client";
import { Chat } from "./chat.tsx";

// The chat is in the address, so that a reload and a second tab find it.
if (location.pathname === "/") history.replaceState(null, "", `/${crypto.randomUUID()}`);
const id = location.pathname.slice(1);
const messages = (await (await fetch(`/api/chat/${id}`)).json()) as UIMessage[];
createRoot(document.querySelector("#root")!).render(<Chat id={id} messages={messages} />);
