// Prints what each entry named on the command line exports to CommonJS.
const names = {};
for (const entry of process.argv.slice(2))
  names[entry] = Object.keys(require(entry)).filter(isName).toSorted();
console.log(JSON.stringify(names));

function isName(name) {
  return !["__esModule", "default", "module.exports"].includes(name);
}
