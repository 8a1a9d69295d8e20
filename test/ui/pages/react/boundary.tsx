import { Component, type ReactNode } from "react";

/** Shows what its children throw, in their place. */
export class Boundary extends Component<{ children: ReactNode }, { error?: string }> {
  override state: { error?: string } = {};
  static getDerivedStateFromError(error: unknown) {
    return { error: String(error) };
  }
  override render() {
    return this.state.error ? <p id="failed">{this.state.error}</p> : this.props.children;
  }
}
