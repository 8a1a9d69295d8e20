import { describeSimulation } from "../../../../../test/support/describe-simulation.ts";

// More of them are run by test/hub/simulation.test.ts.
describeSimulation(Number(process.env["TIDINGS_SIMULATIONS"] ?? 5));
