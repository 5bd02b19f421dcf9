import { pull } from '../client/downloads.ts'

/*
 * Pulls the model named on the command line in a process of its own, for the tests of several at once. Tells when bytes
 * begin to arrive, then the path.
 */
let hasBegun = false
const path = await pull(process.argv[2] ?? '', {
  onProgress: () => {
    if (!hasBegun) console.log('begun')
    hasBegun = true
  },
})
console.log(path)
