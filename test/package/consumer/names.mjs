// Prints what each entry named on the command line exports to a module.
const names = {};
for (const entry of process.argv.slice(2))
  names[entry] = Object.keys(await import(entry))
    .filter(isName)
    .toSorted();
console.log(JSON.stringify(names));

// What is CommonJS itself comes with names of Node's own.
function isName(name) {
  return !["__esModule", "default", "module.exports"].includes(name);
}
