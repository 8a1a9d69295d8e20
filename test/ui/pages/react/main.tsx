import "../problems.ts";
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { Boundary } from "./boundary.tsx";
import { scenarios } from "./scenarios.tsx";

function Page() {
  const [isThere, setThere] = useState(true);
  const Scenario = scenarios[query.get("scenario") as keyof typeof scenarios];
  return (
    <Boundary>
      <button id="leave" onClick={() => setThere(!isThere)}>
        leave
      </button>
      {isThere && <Scenario />}
    </Boundary>
  );
}

const query = new URLSearchParams(location.search);
const root = createRoot(document.querySelector("#root")!);
root.render(query.has("loose") ? <Page /> : <StrictMode children={<Page />} />);
