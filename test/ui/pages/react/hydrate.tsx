import "../problems.ts";
import { StrictMode } from "react";
import { hydrateRoot } from "react-dom/client";
import { Page } from "./page.tsx";

hydrateRoot(document.querySelector("#root")!, <StrictMode children={<Page />} />, {
  onRecoverableError: (error) => console.error(error),
});
