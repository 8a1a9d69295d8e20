/**
 * What the system tests need and npm does not bring: which of it is missing, and how to get it.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./run.mjs";

const FOLDERS = [
  ...(process.env.PATH ?? "").split(delimiter),
  "/usr/bin",
  "/usr/sbin",
  "/usr/local/bin",
  "/usr/local/sbin",
];

/** What is there, by the Debian package that brings it. */
const PARTS = [
  {
    name: "Chromium",
    debian: "chromium",
    present: () => hasProgram("chromium") || hasProgram("chromium-browser"),
  },
  {
    name: "Firefox ESR",
    debian: "firefox-esr",
    present: () => hasProgram("firefox-esr") || hasProgram("firefox"),
  },
  { name: "WebKitWebDriver", debian: "webkit2gtk-driver", present: () => hasProgram("WebKitWebDriver") },
  { name: "MiniBrowser", debian: "webkit2gtk-driver", present: hasMiniBrowser },
  { name: "Xvfb", debian: "xvfb", present: () => hasProgram("Xvfb") },
  { name: "dbus-launch", debian: "dbus-x11", present: () => hasProgram("dbus-launch") },
  { name: "nginx", debian: "nginx-light", present: () => hasProgram("nginx") },
  { name: "HAProxy", debian: "haproxy", present: () => hasProgram("haproxy") },
  { name: "Caddy", debian: "caddy", present: () => hasProgram("caddy") },
  { name: "Apache httpd", debian: "apache2", present: () => hasProgram("apache2") },
  { name: "Varnish", debian: "varnish", present: () => hasProgram("varnishd") },
  { name: "lighttpd", debian: "lighttpd", present: () => hasProgram("lighttpd") },
  { name: "Squid", debian: "squid", present: () => hasProgram("squid") },
  { name: "script", debian: "bsdutils", present: () => hasProgram("script") },
  { name: "zsh", debian: "zsh", present: () => hasProgram("zsh") },
  { name: "fish", debian: "fish", present: () => hasProgram("fish") },
  { name: "redis-server", debian: "redis-server", present: () => hasProgram("redis-server") },
  { name: "nats-server", debian: "nats-server", present: () => hasProgram("nats-server") },
  { name: "PostgreSQL", debian: "postgresql", present: hasPostgres },
  { name: "PgBouncer", debian: "pgbouncer", present: () => hasProgram("pgbouncer") },
  { name: "libfaketime", debian: "faketime", present: hasFaketime },
  { name: "qemu-user", debian: "qemu-user", present: () => hasProgram("qemu-x86_64") },
  { name: "unshare and nsenter", debian: "util-linux", present: () => hasProgram("nsenter") },
  { name: "ip", debian: "iproute2", present: () => hasProgram("ip") },
  { name: "curl", debian: "curl", present: () => hasProgram("curl") },
  { name: "a Chinese font", debian: "fonts-noto-cjk", present: () => hasFont(":lang=zh") },
  { name: "an emoji font", debian: "fonts-noto-color-emoji", present: () => hasFont(":charset=1f600") },
];

/** The names of the parts that are missing, and the Debian packages that bring them. */
export function missingParts() {
  const missing = PARTS.filter((part) => !part.present());
  return {
    names: missing.map(({ name }) => name),
    packages: [...new Set(missing.map(({ debian }) => debian))],
  };
}

/**
 * Installs packages with apt-get, if this machine has it and lets us.
 * @returns {Promise<string | undefined>} Why it could not, in a sentence for whoever has to do it by hand.
 */
export async function installWithApt(packages) {
  const byHand = `on Debian or Ubuntu: apt-get install ${packages.join(" ")}`;
  if (!hasProgram("apt-get")) return `this machine has no apt-get; ${byHand}`;
  const asRoot = process.getuid?.() === 0 ? "" : "sudo -n ";
  if (asRoot !== "" && (await run("sudo -n true")).code !== 0) return `that takes root; ${byHand}`;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const updated = await run(`${asRoot}apt-get update`, { env });
  const installed = await run(`${asRoot}apt-get install -y --no-install-recommends ${packages.join(" ")}`, {
    env,
  });
  if (installed.code === 0) return undefined;
  const output = updated.code === 0 ? installed.output : updated.output + installed.output;
  return `apt-get failed; ${byHand}\n${output}`;
}

function hasProgram(name) {
  return FOLDERS.some((folder) => isExecutable(join(folder, name)));
}

// It comes with WebKitGTK's library, in a folder named after the machine and the version of the interface.
function hasMiniBrowser() {
  return entriesOf("/usr/lib").some((machine) =>
    entriesOf(machine)
      .filter((folder) => folder.includes("/webkit2gtk-"))
      .some((folder) => isExecutable(join(folder, "MiniBrowser"))),
  );
}

// In a folder named after the machine.
function hasFaketime() {
  return entriesOf("/usr/lib").some((machine) => isReadable(join(machine, "faketime/libfaketimeMT.so.1")));
}

// Debian has its programs in a folder for each version, off the path.
function hasPostgres() {
  const folder = "/usr/lib/postgresql";
  return (
    hasProgram("initdb") ||
    entriesOf(folder).some((version) => isExecutable(join(folder, version, "bin", "initdb")))
  );
}

function hasFont(pattern) {
  return (spawnSync("fc-list", [pattern], { encoding: "utf8" }).stdout ?? "").trim() !== "";
}

function isExecutable(path) {
  return isAccessible(path, constants.X_OK);
}

function isReadable(path) {
  return isAccessible(path, constants.R_OK);
}

function isAccessible(path, mode) {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function entriesOf(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(folder, entry.name));
  } catch {
    return [];
  }
}
