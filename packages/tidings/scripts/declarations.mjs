/** Joins declarations to a file for each entry, and files for what entries share. They hold what can be imported and nothing else. */
import { join } from "node:path";
import { rolldown } from "rolldown";
import { dts } from "rolldown-plugin-dts";

/**
 * @param folder - With the declarations of each module.
 * @param input - From an entry's path, as it shall be, to the module's; both without extension.
 * @returns `{ fileName, code }` of each file.
 */
export function joinTypes(folder, input) {
  const plugin = dts({ dtsInput: true, oxc: true, sourcemap: false, tsconfig: false });
  return joinFiles(folder, input, {
    extension: ".d.ts",
    names: "[name].ts",
    plugins: [plugin],
    format: "esm",
  });
}

/** Joins modules. @param options - `extension`, `names` and `plugins`, and how rolldown shall write. */
export async function joinFiles(
  folder,
  input,
  { extension, names, plugins, external = (id) => !/^[./]/.test(id), ...options },
) {
  const bundle = await rolldown({
    cwd: folder,
    input: Object.fromEntries(
      Object.entries(input).map(([name, path]) => [name, join(folder, `${path}${extension}`)]),
    ),
    external,
    platform: "node",
    plugins,
    onLog(_level, log) {
      // All else is advice: on directives, which whoever writes the file puts back, and on a slow machine.
      if (/UNRESOLVED|MISSING|NOT_FOUND/.test(log.code ?? "")) throw new Error(log.message);
    },
  });
  try {
    const { output } = await bundle.generate({
      chunkFileNames: `shared/${names}`,
      ...options,
      entryFileNames: names,
    });
    return output;
  } finally {
    await bundle.close();
  }
}
