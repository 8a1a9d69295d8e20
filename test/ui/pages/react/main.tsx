import "../problems.ts";
import { Component, type ReactNode, StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { scenarios } from "./scenarios.tsx";

class Boundary extends Component<{ children: ReactNode }, { error?: string }> {
  override state: { error?: string } = {};
  static getDerivedStateFromError(error: unknown) {
    return { error: String(error) };
  }
  override render() {
    return this.state.error ? <p id="failed">{this.state.error}</p> : this.props.children;
  }
}

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
