import { describeServer } from "./contract.ts";
import { frameworks } from "./frameworks.ts";

for (const { name, start, traits } of frameworks) describeServer(name, start, traits);
