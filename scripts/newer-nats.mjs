/**
 * Servers of NATS that are newer than the one that Debian's stable release brings, in `.cache/nats/<version>/`: the tests of the log in
 * NATS run on each that is there. From Debian's mirror, into a folder of our own: nothing is installed. `npm test` fetches that of the
 * next stable release, which does not change any more; for the newest one, run `node scripts/newer-nats.mjs sid`.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT, run } from "./run.mjs";

const FOLDER = join(ROOT, ".cache/nats");
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const STABLE = ["trixie"];

/** @returns {boolean} */
export function hasNewerNats() {
  return existsSync(FOLDER) && readdirSync(FOLDER).length > 0;
}

/** @returns {Promise<string | undefined>} Why there are none, in a sentence. */
export async function fetchNewerNats(releases = STABLE) {
  if (!existsSync(KEYRING))
    return "the newer servers of NATS are Debian's, and this machine lacks Debian's keys";
  const root = mkdtempSync(join(tmpdir(), "tidings-newer-nats-"));
  try {
    for (const release of releases) {
      const failure = await fetchFrom(release, join(root, release));
      if (failure !== undefined) return `Debian's mirror gave no nats-server of ${release}\n${failure}`;
    }
    return undefined;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function fetchFrom(release, root) {
  for (const folder of ["lists/partial", "cache/archives/partial", "x"])
    mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(
    join(root, "sources.list"),
    `deb [signed-by=${KEYRING}] http://deb.debian.org/debian ${release} main\n`,
  );
  const apt = [
    "apt-get -q -o Acquire::http::Timeout=20 -o Acquire::Retries=1",
    `-o Dir::Etc::sourcelist=${root}/sources.list -o Dir::Etc::sourceparts=/dev/null`,
    `-o Dir::State::lists=${root}/lists -o Dir::Cache=${root}/cache -o APT::Sandbox::User=root`,
  ].join(" ");
  const archives = join(root, "cache/archives");
  const updated = await run(`${apt} update`);
  const fetched = await run(`${apt} download nats-server`, { cwd: relative(ROOT, archives) });
  const [archive] = readdirSync(archives).filter((name) => /^nats-server_.*\.deb$/.test(name));
  if (archive === undefined) return updated.output + fetched.output;
  const unpacked = await run(`dpkg-deb -x ${join(archives, archive)} ${root}/x`);
  const program = join(root, "x/usr/sbin/nats-server");
  const { code, output } = await run(`${program} --version`);
  const version = /v(\d+\.\d+\.\d+)/.exec(output)?.[1];
  if (code !== 0 || version === undefined) return unpacked.output + output;
  mkdirSync(join(FOLDER, version), { recursive: true });
  // The cache may be on another disk than the temporary folder.
  const { code: copied, output: said } = await run(`cp ${program} ${join(FOLDER, version)}/fetched`);
  if (copied !== 0) return said;
  renameSync(join(FOLDER, version, "fetched"), join(FOLDER, version, "nats-server"));
  return undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const failure = await fetchNewerNats(process.argv.slice(2));
  console.log(failure ?? `fetched: ${readdirSync(FOLDER).join(", ")}`);
}
