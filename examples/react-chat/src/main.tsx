import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Chat } from "./chat.tsx";

createRoot(document.querySelector("#root")!).render(
  <StrictMode>
    <QueryClientProvider client={new QueryClient()}>
      <Chat />
    </QueryClientProvider>
  </StrictMode>,
);
