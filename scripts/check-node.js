// Says what to do when the Node that runs is too old. `npm install` puts a new enough one into node_modules/.bin,
// which npm scripts find first, unless install scripts were blocked. Kept to syntax that Node 18 can parse.

const NEEDED = [22, 18]

/** @param {string} version */
function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [neededMajor = 0, neededMinor = 0] = NEEDED
  return major > neededMajor || (major === neededMajor && minor >= neededMinor)
}

if (!isNewEnough(process.versions.node)) {
  console.error(`error: laju needs Node ${NEEDED.join('.')} or later, but this is Node ${process.versions.node}.`)
  console.error(
    'what to do: "npm install" brings a Node of its own, unless install scripts are blocked. Let it with\n' +
      '  npm rebuild node --ignore-scripts=false\n' +
      `and run the command again through npm, or install Node ${NEEDED.join('.')} or later yourself.`,
  )
  process.exit(1)
}
