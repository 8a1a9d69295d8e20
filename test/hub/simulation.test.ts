import { describeSimulation } from "../support/describe-simulation.ts";

describeSimulation(50);
