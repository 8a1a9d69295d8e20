/**
 * Answers with scenarios in a Worker.
 */
import { respond } from "../../servers/answer.ts";

export default { fetch: respond };
