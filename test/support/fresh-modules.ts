/**
 * Before each file of unit tests: its modules are loaded anew, the clock is real and nothing global is replaced, so that no file
 * knows what another did. What the files share is the worker, and the packages from npm.
 */
import { vi } from "vitest";

vi.resetModules();
vi.useRealTimers();
vi.unstubAllGlobals();
vi.restoreAllMocks();
